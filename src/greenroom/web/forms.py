"""What a form sends: where it comes from, its fields, and what is wrong with them."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from starlette.datastructures import UploadFile
from starlette.requests import Request

from greenroom.domain.errors import Fault, GreenroomError, LimitReached, NotAllowed, Unauthenticated

CSRF_FIELD: Final = "csrf"
CSRF_HEADER: Final = "x-greenroom-csrf"
MAX_FORM: Final = 4 * 1024 * 1024
MAX_FIELDS: Final = 20_000
MAX_UPLOAD: Final = 26 * 1024 * 1024
MAX_FILES: Final = 20


@dataclass(frozen=True)
class Upload:
    """A file that a form sent."""

    name: str
    mime: str
    data: bytes


@dataclass(frozen=True)
class Form:
    """The fields of a form in their order; one may come more than once."""

    pairs: Sequence[tuple[str, str]] = ()
    files: Mapping[str, tuple[str, bytes]] = field(default_factory=dict[str, tuple[str, bytes]])
    uploads: Sequence[Upload] = ()
    """All files; `files` has the last one of each field."""

    def text(self, name: str, otherwise: str = "") -> str:
        """Returns the last value of a field; line breaks are single newlines, as everywhere but in HTTP."""
        found = [value for key, value in self.pairs if key == name]
        return found[-1] if found else otherwise

    def all(self, name: str) -> list[str]:
        """Returns all values of a field."""
        return [value for key, value in self.pairs if key == name]

    def has(self, name: str) -> bool:
        """Says whether a field was sent: a box that was ticked, a button that was pressed."""
        return any(key == name for key, _ in self.pairs)

    def number(self, name: str) -> int | None:
        """Returns the whole number of a field, None for anything else."""
        text = self.text(name).strip()
        return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else None


def check_origin(request: Request) -> None:
    """Refuses what a page of another site sent. Raises Unauthenticated `foreign_origin`.

    Browsers say it by Origin, Sec-Fetch-Site and Referer: none of them may be foreign, and none must be there.
    """
    site = request.headers.get("sec-fetch-site", "same-origin")
    said = [request.headers[name] for name in ("origin", "referer") if name in request.headers]
    if site not in ("same-origin", "none") or not all(_is_here(request, each) for each in said):
        raise Unauthenticated("foreign_origin", "This form was sent by another site, so nothing was done.")


def _is_here(request: Request, address: str) -> bool:
    try:
        return urlsplit(address).netloc.lower() == request.headers.get("host", "").lower()
    except ValueError:
        return False


def stay_here(path: str) -> str:
    """Returns where to go next: the path, or `/` for anything that a browser could read as another site."""
    plain = path.isascii() and path.isprintable() and " " not in path and "\\" not in path
    return path if plain and path.startswith("/") and not path.startswith("//") else "/"


def check_token(request: Request, form: Form, wanted: str) -> None:
    """Refuses a form that does not carry its session's token. Raises NotAllowed `csrf`."""
    given = unmask(request.headers.get(CSRF_HEADER) or form.text(CSRF_FIELD))
    if not hmac.compare_digest(given.encode(), wanted.encode()):
        raise NotAllowed("csrf", "This form is older than your session, so nothing was done. Load the page again.")


def mask(token: str, nonce: str) -> str:
    """Returns a token (64 hexadecimal digits) so that no two pages hold the same: a page that is compressed tells by
    its length what is in it twice."""
    pad = hashlib.sha256(nonce.encode()).digest()
    return pad.hex() + bytes(a ^ b for a, b in zip(pad, bytes.fromhex(token), strict=True)).hex()


def unmask(text: str) -> str:
    """Returns the token that `mask` was given; anything else as it is."""
    try:
        both = bytes.fromhex(text)
    except ValueError:
        return text
    half = len(both) // 2
    return bytes(a ^ b for a, b in zip(both[:half], both[half:], strict=True)).hex() if len(both) == 64 else text


async def read_form(request: Request) -> Form:
    """Returns the fields that were sent. Raises LimitReached when they are too many or too large."""
    kind = request.headers.get("content-type", "")
    if kind.startswith("multipart/form-data"):
        return await _read_multipart(request)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_FORM:
            raise _too_large(MAX_FORM)
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="replace")
    except ValueError as wrong:
        raise _too_large(MAX_FORM) from wrong
    return Form([(name, _plain(value)) for name, value in pairs])


async def _read_multipart(request: Request) -> Form:
    if int(request.headers.get("content-length") or MAX_UPLOAD + 1) > MAX_UPLOAD:
        raise _too_large(MAX_UPLOAD)
    async with request.form(max_files=MAX_FILES, max_fields=200) as sent:
        pairs: list[tuple[str, str]] = []
        files: dict[str, tuple[str, bytes]] = {}
        uploads: list[Upload] = []
        for name, value in sent.multi_items():
            if isinstance(value, UploadFile):
                files[name] = (value.filename or "", await value.read())
                uploads.append(Upload(value.filename or "", value.content_type or "", files[name][1]))
            else:
                pairs.append((name, _plain(value)))
    return Form(pairs, files, [each for each in uploads if each.data])


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n")


def _too_large(limit: int) -> LimitReached:
    return LimitReached("form_too_large", f"the form is larger than {limit:,} bytes", extra={"limit": limit})


@dataclass(frozen=True)
class Refusal:
    """Why a form was refused: one sentence, and what belongs beside which field."""

    detail: str = ""
    code: str = ""
    faults: Sequence[Fault] = ()
    hints: Mapping[str, str] = field(default_factory=dict[str, str])

    def __bool__(self) -> bool:
        return bool(self.detail)

    def at(self, pointer: str) -> str:
        """Returns what is wrong with the field at a pointer, or inside it; '' when nothing is."""
        inside = [f for f in self.faults if f.pointer == pointer]
        return "; ".join(_say(f) for f in inside)

    def within(self, pointer: str) -> list[str]:
        """Returns what is wrong anywhere inside a field, each with its place in it."""
        head = f"{pointer}/"
        found = [f for f in self.faults if f.pointer.startswith(head)]
        return [f"{f.pointer.removeprefix(head)}: {_say(f)}" for f in found]


def refusal_of(wrong: GreenroomError, known: Iterable[str] = ()) -> Refusal:
    """Returns a refusal as a form shows it; without faults of its own it stands above the fields."""
    hints = {key: str(value) for key, value in wrong.extra.items() if key in ("suggestion", "taken", *known)}
    return Refusal(wrong.detail, wrong.code, wrong.errors, hints)


def _say(fault: Fault) -> str:
    return f"{fault.message} ({fault.hint})" if fault.hint else fault.message
