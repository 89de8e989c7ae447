"""Canonical JSON (RFC 8785) and digests. The only file here that imports anything but the standard library."""

# A JSON value narrowed by isinstance has elements of unknown type; that is what JSON is.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false, reportUnknownLambdaType=false

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from typing import Any, NewType

import orjson

from greenroom.domain.errors import Fault, Invalid

Digest = NewType("Digest", str)
"""`sha256:` and 64 lower-case hex digits."""

Json = Any
"""A JSON value: None, bool, int, float, str, list, dict with str keys."""

MAX_DEPTH = 64
MAX_SAFE_INTEGER = 2**53
_ES6_FIXED_BELOW = 21
_TOO_LARGE = "is an integer beyond 2^53, which JSON readers round; send it as text"


def canonical_json(value: Json) -> bytes:
    """Returns the RFC 8785 form of a JSON value.

    1 and 1.0 are the same bytes, `true` is not 1. Raises Invalid, with a pointer, for integers beyond
    2^53 (10.0 ** 17 too), NaN and infinities, lone surrogates, keys that are not text, and nesting over 64
    levels. Whatever it writes reads back as a value that it writes the same.
    """
    plain, exact = _normalise(value, "", 0)
    try:
        if exact:
            return orjson.dumps(plain, option=orjson.OPT_SORT_KEYS)
        out: list[str] = []
        _write(plain, out)
        return "".join(out).encode()
    except orjson.JSONEncodeError:
        pointer = _find_bad_text(plain, "") or ""
        raise _invalid(pointer, "holds half a character (a lone surrogate), which is not text") from None


def digest_of(value: Json) -> Digest:
    """Returns the SHA-256 of the canonical form of `value`."""
    return digest_of_bytes(canonical_json(value))


def digest_of_bytes(data: bytes) -> Digest:
    """Returns the SHA-256 of bytes that are canonical already."""
    return Digest("sha256:" + hashlib.sha256(data).hexdigest())


def same(a: Json, b: Json) -> bool:
    """Says whether two JSON values are equal as RFC 8785 sees it (1 = 1.0, 1 ≠ true)."""
    if a is b:
        return True
    if isinstance(a, bool) or isinstance(b, bool):
        return isinstance(a, bool) and isinstance(b, bool) and a == b
    if isinstance(a, Mapping):
        return isinstance(b, Mapping) and a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return isinstance(b, list) and len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    numbers = isinstance(a, int | float) and isinstance(b, int | float)
    return (numbers or type(a) is type(b)) and a == b


def _invalid(pointer: str, message: str) -> Invalid:
    pointer = pointer.encode(errors="backslashreplace").decode()
    return Invalid("not_canonical", f"{pointer or '/'} {message}", errors=[Fault(pointer, message)])


def _normalise(value: Json, pointer: str, depth: int) -> tuple[Json, bool]:
    """Returns the value with integral floats as ints, and whether orjson writes it byte-equal to RFC 8785."""
    if value is None or value is True or value is False:
        return value, True
    if isinstance(value, str):
        return value, True
    if isinstance(value, int):
        if abs(value) > MAX_SAFE_INTEGER:
            raise _invalid(pointer, _TOO_LARGE)
        return value, True
    if isinstance(value, float):
        return _normalise_float(value, pointer)
    if depth >= MAX_DEPTH:
        raise _invalid(pointer, f"is nested deeper than {MAX_DEPTH} levels")
    exact = True
    if isinstance(value, Mapping):
        pairs: dict[str, Json] = {}
        for key, item in value.items():
            if not isinstance(key, str):
                raise _invalid(pointer, f"has a key that is not text: {key!r}")
            step = key.replace("~", "~0").replace("/", "~1")
            pairs[key], plain = _normalise(item, f"{pointer}/{step}", depth + 1)
            exact = exact and plain and key.isascii()
        return pairs, exact
    if isinstance(value, list | tuple):
        items: list[Json] = []
        for index, item in enumerate(value):
            normal, plain = _normalise(item, f"{pointer}/{index}", depth + 1)
            items.append(normal)
            exact = exact and plain
        return items, exact
    raise _invalid(pointer, f"is not a JSON value ({type(value).__name__})")


def _normalise_float(value: float, pointer: str) -> tuple[Json, bool]:
    if not math.isfinite(value):
        raise _invalid(pointer, "is not a finite number")
    if value.is_integer() and abs(value) <= MAX_SAFE_INTEGER:
        return int(value), True
    if MAX_SAFE_INTEGER < abs(value) < 10.0**_ES6_FIXED_BELOW:
        # Written without an exponent it would read back as an integer, and as one that is refused.
        raise _invalid(pointer, _TOO_LARGE)
    return value, False


def _write(value: Json, out: list[str]) -> None:
    if isinstance(value, dict):
        out.append("{")
        for index, key in enumerate(sorted(value, key=lambda k: k.encode("utf-16-be", "surrogatepass"))):
            out.append("," if index else "")
            out.append(_quote(key) + ":")
            _write(value[key], out)
        out.append("}")
    elif isinstance(value, list):
        out.append("[")
        for index, item in enumerate(value):
            out.append("," if index else "")
            _write(item, out)
        out.append("]")
    elif isinstance(value, float):
        out.append(_es6_number(value))
    elif isinstance(value, str):
        out.append(_quote(value))
    else:
        out.append(orjson.dumps(value).decode())


def _quote(text: str) -> str:
    return orjson.dumps(text).decode()


def _find_bad_text(value: Json, pointer: str) -> str | None:
    """Returns where text is that cannot be encoded: its own place, or that of the mapping whose key it is."""
    if isinstance(value, str):
        return pointer if any("\ud800" <= letter <= "\udfff" for letter in value) else None
    if isinstance(value, dict):
        if any(_find_bad_text(key, "") is not None for key in value):
            return pointer
        steps = [(key.replace("~", "~0").replace("/", "~1"), item) for key, item in value.items()]
    else:
        steps = list(enumerate(value)) if isinstance(value, list) else []
    found = (_find_bad_text(item, f"{pointer}/{step}") for step, item in steps)
    return next((place for place in found if place is not None), None)


def _es6_number(value: float) -> str:
    """Writes a non-integral or huge float as ECMAScript does (RFC 8785 section 3.2.2.3)."""
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = whole + ("" if fraction == "0" else fraction)
    point = len(whole) + int(exponent or 0)
    stripped = digits.lstrip("0")
    point -= len(digits) - len(stripped)
    digits = stripped.rstrip("0")
    sign = "-" if value < 0 else ""
    if len(digits) <= point <= _ES6_FIXED_BELOW:
        text = digits + "0" * (point - len(digits))
    elif 0 < point <= _ES6_FIXED_BELOW:
        text = digits[:point] + "." + digits[point:]
    elif -6 < point <= 0:
        text = "0." + "0" * -point + digits
    else:
        power = point - 1
        head = digits[0] + ("." + digits[1:] if len(digits) > 1 else "")
        text = f"{head}e{'+' if power > 0 else '-'}{abs(power)}"
    return sign + text


def parse_json(data: bytes) -> Json:
    """Returns the JSON value in UTF-8 bytes. Raises Invalid `invalid_json` with line and column."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as wrong:
        raise Invalid(
            "invalid_json",
            f"this is not JSON: {wrong.msg} at line {wrong.lineno}, column {wrong.colno}",
            errors=[Fault("", f"{wrong.msg} at line {wrong.lineno}, column {wrong.colno}")],
        ) from None
