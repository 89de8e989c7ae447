"""Conditions that users write (CEL), behind the one wrapper that fails closed.

cel-expr-python returns most errors as *truthy* values and raises a few; one unfit number anywhere in the
activation spoils every condition. Nothing else here may import it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from greenroom.domain.errors import Fault, Invalid

MAX_CONDITION = 4_000
_INT64 = 2**63
_WHERE = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*)")
_VARIABLE = re.compile(r"\bvars\.([A-Za-z_][A-Za-z0-9_]*)|\bvars\[\s*(?:'([^']*)'|\"([^\"]*)\")\s*\]")

NAMES = ("vars", "turn.count", "channel", "environment", "caller", "called", "language", "text", "variant")
"""What a condition may name. `vars` and `variant` are maps; slugs with `-` are there with `_` as well."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A compiled condition."""

    text: str
    _compiled: Any

    def holds(self, activation: Mapping[str, Any]) -> tuple[bool, str | None]:
        """Returns whether it holds, and a problem when it could not be decided (which counts as no)."""
        try:
            result = self._compiled.eval(data=activation)
            failed, value = result.type() == _cel().Type.ERROR, result.value()
        except (RuntimeError, TypeError, ValueError) as wrong:
            return False, _first_line(str(wrong))
        if failed:
            return False, _first_line(str(value))
        if value is True or value is False:
            return value, None
        return False, f"gives {type(value).__name__}, not true or false"

    @property
    def variables(self) -> tuple[str, ...]:
        """Returns the names that it reads from `vars`, in order, once each."""
        found = (next(name for name in match.groups() if name) for match in _VARIABLE.finditer(self.text))
        return tuple(dict.fromkeys(found))


def compile_condition(text: str, *, in_workflow: bool = False) -> Condition:
    """Returns the compiled condition; steps of a workflow may also name the `result` of a call.

    Raises Invalid `invalid_condition` with the place and what is wrong.
    """
    if len(text) > MAX_CONDITION:
        raise _invalid(f"is {len(text):,} characters long; at most {MAX_CONDITION:,} are allowed")
    try:
        compiled = _environment(in_workflow).compile(text)
    except TypeError:
        raise _invalid("holds characters that are not text") from None
    except RuntimeError as wrong:
        raise _invalid(_explain(str(wrong))) from None
    kind = compiled.return_type().name()
    if kind not in {"BOOL", "DYN"}:
        raise _invalid(f"gives {kind.lower()}, not true or false")
    return Condition(text, compiled)


def activation_of(
    *,
    variables: Mapping[str, Any],
    variant: Mapping[str, str],
    turn_count: int,
    channel: str,
    environment: str,
    caller: str,
    called: str,
    language: str,
    text: str,
) -> Mapping[str, Any]:
    """Returns what conditions of one turn are evaluated against, made safe for the evaluator."""
    return {
        "vars": _safe_names(variables),
        "variant": _safe_names(variant),
        "turn.count": turn_count,
        "channel": _safe(channel),
        "environment": _safe(environment),
        "caller": _safe(caller),
        "called": _safe(called),
        "language": _safe(language),
        "text": _safe(text),
    }


def _safe_names(values: Mapping[str, Any]) -> dict[str, Any]:
    safe = {str(name): _safe(value) for name, value in values.items()}
    for name in [name for name in safe if "-" in name]:
        safe.setdefault(name.replace("-", "_"), safe[name])
    return safe


def _safe(value: Any, depth: int = 0) -> Any:
    """Returns the value as the evaluator can take it: whole numbers in 64 bits, text without surrogates."""
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    if isinstance(value, int):
        return value if -_INT64 <= value < _INT64 else float(min(max(value, -(10**300)), 10**300))
    if depth > 16:
        return None
    if isinstance(value, Mapping):
        return {str(_safe(str(key))): _safe(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_safe(item, depth + 1) for item in value]
    return str(_safe(str(value)))


def _invalid(message: str) -> Invalid:
    hint = f"a condition may name {', '.join(NAMES)}; for example: vars.nights > 2 && channel == 'voice'"
    return Invalid(
        "invalid_condition",
        f"the condition {message}",
        errors=[Fault("", f"the condition {message}", "invalid_condition", hint)],
    )


def _explain(message: str) -> str:
    match = _WHERE.search(message)
    if match is None:
        return f"cannot be read: {_first_line(message)}"
    line, column, what = match.groups()
    what = what.removesuffix(" [INVALID_ARGUMENT]").removesuffix(" (in container '')")
    if what.startswith("Syntax error: mismatched input '<EOF>'"):
        what = "it ends too early"
    place = f"column {column}" if line == "1" else f"line {line}, column {column}"
    return f"is wrong at {place}: {what[:200]}"


def _first_line(message: str) -> str:
    return message.splitlines()[0][:300] if message else "unknown error"


@cache
def _cel() -> Any:
    from cel_expr_python import cel  # noqa: PLC0415  49 MiB: only a program with conditions loads it

    return cel


@cache
def _environment(in_workflow: bool) -> Any:
    cel = _cel()
    kinds = cel.Type
    table = kinds.Map(kinds.STRING, kinds.DYN)
    variables = dict.fromkeys(NAMES, kinds.STRING) | {
        "vars": table,
        "variant": table,
        "turn.count": kinds.INT,
    }
    if in_workflow:
        variables["result"] = kinds.DYN
    return cel.NewEnv(variables=variables)
