"""`python -m greenroom.cli.reference` prints docs/reference/cli.md, made from the command tree."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import typer
from typer.core import TyperGroup

from greenroom.cli import output
from greenroom.cli.main import app

OPENING = """\
# Command line

Made by `python -m greenroom.cli.reference > docs/reference/cli.md`; a test holds it to the code.

Every command that speaks to a server takes `--url`, `--api-key` and `--config` before its name, answers people by
default and programs with `--json`: the server's JSON on stdout, messages (an error as JSON too) on stderr.
"""

UNDOCUMENTED = frozenset({"help", "install_completion", "show_completion"})


def write_reference() -> str:
    """Returns the page."""
    return "\n".join(_page())


def command_names() -> frozenset[str]:
    """Returns every command as it is typed, without `greenroom`."""
    return frozenset(path.strip() for path, _ in _commands(typer.main.get_command(app), ""))


def _page() -> Iterator[str]:
    root = typer.main.get_command(app)
    yield OPENING
    yield "## Exit codes\n"
    yield "| code | meaning | errors |"
    yield "|---|---|---|"
    for code, meaning in output.MEANINGS.items():
        named = ", ".join(f"`{error.__name__}`" for error, number in output.EXIT_CODES.items() if number == code)
        yield f"| {code} | {meaning} | {named} |"
    yield "\n## Before every command\n"
    yield from _options(root)
    for path, command in _commands(root, "greenroom"):
        yield f"\n## `{path}`\n"
        yield f"    {_usage(path, command)}\n"
        yield (command.help or "").strip()
        yield ""
        yield from _options(command)


def _commands(group: Any, path: str) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from _commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def _usage(path: str, command: Any) -> str:
    pieces = command.collect_usage_pieces(_context(command))
    return " ".join([path, *(piece.lower() if piece == "[OPTIONS]" else piece.strip("{}") for piece in pieces)])


def _context(command: Any) -> Any:
    return command.context_class(command)


def _options(command: Any) -> Iterator[str]:
    context = _context(command)
    records = [param.get_help_record(context) for param in command.params if param.name not in UNDOCUMENTED]
    rows = [record for record in records if record is not None]
    if rows:
        yield "| option | meaning |"
        yield "|---|---|"
        for name, meaning in rows:
            yield f"| `{_cell(name)}` | {_cell(' '.join(meaning.split()))} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(write_reference() + "\n")
