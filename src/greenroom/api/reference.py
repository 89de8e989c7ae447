"""Writes docs/reference from the code: python -m greenroom.api.reference

Error codes are read off the source: every place that makes an error of ours with a code written out.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

import greenroom
from greenroom.api.app import lay_out
from greenroom.api.problems import STATUS_OF_CODE, TABLE, UNEXPECTED, family_of
from greenroom.domain.errors import ERRORS

FOLDER: Final = Path("docs/reference")
CLASSES: Final = {error.__name__: error for error in ERRORS}
LATER_THAN_THE_SERVER: Final = ("sdk", "cli")
"""Floors whose errors never come from the server."""

HEAD: Final = """# Errors

<!-- Written by `python -m greenroom.api.reference`; a test compares it with the code. -->

Every error is a problem (RFC 9457, `application/problem+json`) with a stable `code`, a `detail` for people, and
`errors`: a list of `{pointer, message, code, hint}`, where `pointer` leads to the place in what was sent. `family`
says what to do next. Further members belong to the code: the present `seq` or `revision`, both sides of a stale save.
"""
NEXT: Final = {
    "invalid": "Mend the input; `errors` says where.",
    "not_found": "Nothing by that name, or nothing that you may know of.",
    "conflict": "Somebody was faster, or both sides changed: look at both, then repeat.",
    "stale": "What you looked at is no longer so: read again, confirm again.",
    "missing": "Say more: a precondition or confirmation was not given.",
    "refused": "The rules say no; repeating will not help.",
    "unauthenticated": "Say who you are.",
    "not_allowed": "You may not.",
    "limit_reached": "Too much or too large; `limit` says how much is taken.",
    "unavailable": "Try again later, after `Retry-After` seconds.",
}


@dataclass(frozen=True, slots=True, order=True)
class Code:
    """A code with what people are told."""

    code: str
    family: str
    status: int
    detail: str


def describe_errors(source: Path) -> str:
    """Returns docs/reference/errors.md."""
    lines = [HEAD, "| family | status | title | what to do |", "|---|---|---|---|"]
    for error, kind in TABLE.items():
        family = family_of(error)
        lines.append(f"| `{family}` | {kind.status} | {kind.title} | {NEXT[family]} |")
    lines.append(f"| `internal_error` | {UNEXPECTED.status} | {UNEXPECTED.title} | Tell the operator the `incident`. |")
    lines += ["", "| code | family | status | for example |", "|---|---|---|---|"]
    lines += [f"| `{c.code}` | `{c.family}` | {c.status} | {c.detail} |" for c in list_codes(source)]
    return "\n".join(lines) + "\n"


def list_codes(source: Path) -> list[Code]:
    """Returns every code that the server may answer with, each once, with the first detail found."""
    found: dict[tuple[str, str], Code] = {}
    for file in sorted(source.rglob("*.py")):
        if file.relative_to(source).parts[0] not in LATER_THAN_THE_SERVER:
            for code in _codes_in(ast.parse(file.read_text("utf-8"))):
                known = found.get((code.code, code.family))
                if known is None or not known.detail:
                    found[code.code, code.family] = code
    return sorted(found.values())


def _codes_in(tree: ast.AST) -> Iterator[Code]:
    texts = [node for node in ast.walk(tree) if isinstance(node, ast.Assign)]
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or not node.args:
            continue
        error, code = CLASSES.get(node.func.id), node.args[0]
        if error is None or not isinstance(code, ast.Constant) or not isinstance(code.value, str):
            continue
        status = STATUS_OF_CODE.get(code.value, TABLE[error].status)
        detail = _text_of(_meant(node.args[1], texts)) if len(node.args) > 1 else ""
        yield Code(code.value, family_of(error), status, detail)


def _meant(node: ast.expr, texts: list[ast.Assign]) -> ast.expr:
    """Returns what a name was given last above the place that uses it; other expressions as they are."""
    if not isinstance(node, ast.Name):
        return node
    above = [
        text
        for text in texts
        if text.lineno < node.lineno and isinstance(text.targets[0], ast.Name) and text.targets[0].id == node.id
    ]
    return max(above, key=lambda text: text.lineno).value if above else node


def _text_of(node: ast.expr) -> str:
    """Returns a text with … for what is filled in, nothing for what is not written out."""
    if isinstance(node, ast.Constant):
        parts = [str(node.value)]
    elif isinstance(node, ast.JoinedStr):
        parts = [str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values]
    else:
        parts = []
    return "".join(parts).replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


def write_document() -> bytes:
    """Returns docs/reference/openapi.json."""
    document = orjson.dumps(lay_out().openapi(), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)
    return document + b"\n"


def main(folder: Path = FOLDER) -> None:
    """Writes both files."""
    folder.mkdir(parents=True, exist_ok=True)
    source = Path(greenroom.__file__).parent
    (folder / "errors.md").write_text(describe_errors(source), "utf-8")
    (folder / "openapi.json").write_bytes(write_document())
    sys.stdout.write(f"wrote errors.md and openapi.json to {folder}\n")


if __name__ == "__main__":
    main()
