"""A comparison on a terminal: added green, removed red, edited blue; changes inside text by word."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from rich.text import Text

from greenroom.cli import output

if TYPE_CHECKING:
    from greenroom.wire.content import StateOut
    from greenroom.wire.versions import ChangeOut, CheckOut, ComparisonOut, FieldChangeOut

STYLES = {"added": "green", "removed": "red", "edited": "blue", "reordered": "blue", "same": ""}
SIGNS = {"added": "+", "removed": "-", "edited": "~", "reordered": "~"}
CONTEXT_WORDS = 8
SHORT = 15
"""How many changes a plan lists."""


def show_comparison(found: ComparisonOut) -> None:
    """Prints a comparison whole."""
    output.show(f"{_name(found.base)}  →  {_name(found.head)}", output.styled(found.summary, "bold"))
    for change in found.changes:
        output.show("", *_change_lines(change))
    if found.unchanged:
        output.show("", output.styled(found.unchanged, "dim"))
    if found.checklist:
        output.show("", output.styled("To test before the release", "bold"))
        for check in found.checklist:
            output.show(_check_line(check))


def show_short(found: ComparisonOut) -> None:
    """Prints the summary and one line for each of the first changes, on stderr."""
    output.show(output.styled(found.summary, "bold"), on_stderr=True)
    for change in found.changes[:SHORT]:
        output.show(_headline(change), on_stderr=True)
    if len(found.changes) > SHORT:
        output.say(f"… {len(found.changes) - SHORT} more: greenroom compare {found.base.ref} {found.head.ref}")


def _name(state: StateOut) -> str:
    if state.version is not None and state.ref != f"v{state.version}":
        return f"{state.ref} (v{state.version})"
    return state.ref


def _headline(change: ChangeOut) -> Text:
    line = output.styled(f"{SIGNS[change.op]} {change.address}", STYLES[change.op])
    if change.name and change.name != change.address.partition("/")[2]:
        line.append(f"  {output.clean(change.name)}", style="dim")
    if change.author:
        line.append(f"  by {output.clean(change.author_name or change.author)}", style="dim")
    return line


def _change_lines(change: ChangeOut) -> Iterator[Text]:
    yield _headline(change)
    if change.description:
        yield _indented(output.styled(change.description))
    for field in change.fields:
        yield from _field_lines(field)
    for sign, links in (("+", change.links_added), ("-", change.links_removed)):
        style = "green" if sign == "+" else "red"
        for link in links:
            yield _indented(output.styled(f"{sign} names {link}", style))


def _field_lines(field: FieldChangeOut) -> Iterator[Text]:
    style = STYLES.get(field.op, "blue")
    label = output.styled(f"{SIGNS.get(field.op, '~')} {field.label or field.pointer}", style)
    if field.form == "code" and field.hunks:
        yield _indented(label)
        yield from _code_lines(field.hunks)
        return
    label.append(": ", style="")
    if field.hunks:
        label.append_text(_words(field.hunks))
    elif field.op == "edited":
        label.append(_short(field.before), style="red")
        label.append(" → ", style="")
        label.append(_short(field.after), style="green")
    else:
        value = field.after if field.op == "added" else field.before if field.op == "removed" else ""
        # An element of a list of texts is named by its own text already.
        if isinstance(value, str) and field.label.endswith(value):
            label.right_crop(2)
        else:
            label.append(_short(value), style=style)
    yield _indented(label)


def _words(hunks: Sequence[tuple[str, str]]) -> Text:
    """Returns text with its removed and added words, and only some of what is the same around them."""
    text = Text()
    for number, (op, part) in enumerate(hunks):
        if op == "same":
            text.append(_middle(output.clean(part), first=number == 0, last=number == len(hunks) - 1))
        elif op == "removed":
            text.append(f"[-{output.clean(part)}-]", style="red")
        else:
            text.append(f"{{+{output.clean(part)}+}}", style="green")
    return text


def _middle(part: str, *, first: bool, last: bool) -> str:
    words = part.split(" ")
    if first and last:
        return part
    if first and len(words) > CONTEXT_WORDS:
        return "… " + " ".join(words[-CONTEXT_WORDS:])
    if last and len(words) > CONTEXT_WORDS:
        return " ".join(words[:CONTEXT_WORDS]) + " …"
    if len(words) > 2 * CONTEXT_WORDS:
        return " ".join(words[:CONTEXT_WORDS]) + " … " + " ".join(words[-CONTEXT_WORDS:])
    return part


def _code_lines(hunks: Sequence[tuple[str, str]]) -> Iterator[Text]:
    for op, part in hunks:
        lines = part.splitlines()
        if op == "same":
            lines = lines if len(lines) <= 6 else [*lines[:3], "…", *lines[-3:]]
        sign = {"added": "+", "removed": "-"}.get(op, " ")
        for line in lines:
            yield _indented(output.styled(f"{sign} {line}", STYLES.get(op, "")), 6)


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return output.clean(text if len(text) <= 300 else text[:300] + " …")


def _indented(text: Text, by: int = 4) -> Text:
    lines = text.split("\n")
    return Text("\n").join(Text(" " * by).append_text(line) for line in lines)


def _check_line(check: CheckOut) -> Text:
    where = f" [{', '.join(check.channels)}]" if check.channels else ""
    return output.styled(f"  □ {check.text}{where}")
