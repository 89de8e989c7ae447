"""How commands answer: JSON as the server sends it, tables for people, errors with an exit code each."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from greenroom.domain import errors
from greenroom.domain.errors import Fault, GreenroomError

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

    from greenroom.wire.model import Out

OK = 0
NO = 1
USAGE = 2
NOT_TESTED = 12

MOST_FAULTS = 20
"""So many are printed for people, who mend some and try again."""

EXIT_CODES: Mapping[type[GreenroomError], int] = {
    errors.Invalid: 3,
    errors.NotFound: 4,
    errors.Conflict: 5,
    errors.Stale: 6,
    errors.Missing: 7,
    errors.Refused: 8,
    errors.Unauthenticated: 9,
    errors.NotAllowed: 9,
    errors.Unavailable: 10,
    errors.LimitReached: 11,
}

MEANINGS: Mapping[int, str] = {
    OK: "done",
    NO: "the answer is no (an audit chain that does not verify, a test that failed), or you stopped it",
    USAGE: "the command was not understood; nothing was sent",
    3: "the input is wrong; each place is listed",
    4: "nothing by that name, or not for you",
    5: "somebody was faster, or both sides changed; look at both, then repeat",
    6: "what you looked at is no longer so; look again, then confirm again",
    7: "a confirmation or precondition was not given; the command to repeat is printed",
    8: "the rules say no; repeating will not help",
    9: "no valid key, or your role may not do this",
    10: "the server cannot be reached or is not ready; try again later",
    11: "over a limit; it is named",
    NOT_TESTED: "a test run tested nothing, could not test all, or did not come to its end",
}

REORDERING = "\u202a\u202b\u202d\u202e\u2066\u2067"
"""Signs that make text read in another order than it is."""

WIDE = 100_000
"""Columns of output that is not a terminal: nothing is cut or wrapped there."""


def exit_code(error: GreenroomError) -> int:
    """Returns the exit code of an error's class."""
    return EXIT_CODES[type(error)]


def clean(text: object) -> str:
    """Returns text that cannot steer a terminal: control characters show as their Unicode pictures."""
    return "".join(_picture(sign) if _steers(sign) else sign for sign in str(text))


def _steers(sign: str) -> bool:
    return (sign < " " and sign not in "\n\t") or "\x7f" <= sign <= "\x9f" or sign in REORDERING


def _picture(sign: str) -> str:
    return chr(0x2400 + ord(sign)) if sign < " " else "\N{REPLACEMENT CHARACTER}"


def report(error: GreenroomError, as_json: bool, notices: list[str]) -> int:
    """Prints an error on stderr and returns its exit code. As JSON it takes the notices in, so that it stays whole."""
    if as_json:
        problem = {**_problem(error), **({"notices": list(notices)} if notices else {})}
        notices.clear()
        print(json.dumps(problem, ensure_ascii=False, indent=2, default=str), file=sys.stderr)
    else:
        print(f"error: {clean(error.detail)} [{clean(error.code)}]", file=sys.stderr)
        for line in _lines(error.errors):
            print(f"  {clean(line)}", file=sys.stderr)
        if "repeat" in error.extra:
            print(f"to confirm, repeat: {clean(error.extra['repeat'])}", file=sys.stderr)
    return exit_code(error)


def _problem(error: GreenroomError) -> dict[str, Any]:
    faults = [{"pointer": f.pointer, "message": f.message, "code": f.code, "hint": f.hint} for f in error.errors]
    return {
        "error": type(error).__name__,
        "code": error.code,
        "detail": error.detail,
        "errors": faults,
        "exit_code": exit_code(error),
        **error.extra,
    }


def _lines(faults: Sequence[Fault]) -> list[str]:
    """Returns what is said of faults: the first ones, each hint once."""
    lines: list[str] = []
    hinted: set[str] = set()
    for fault in faults[:MOST_FAULTS]:
        place = f"{fault.pointer}: " if fault.pointer else ""
        hint = f" ({fault.hint})" if fault.hint and fault.hint not in hinted else ""
        hinted.add(fault.hint)
        lines.append(f"{place}{fault.message}{hint}")
    if len(faults) > MOST_FAULTS:
        lines.append(f"… and {len(faults) - MOST_FAULTS:,} more; --json tells all of them")
    return lines


def count_of(number: int, noun: str) -> str:
    """Returns `1 change`, `2 changes`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def say(text: str) -> None:
    """Prints a message for people on stderr."""
    print(clean(text), file=sys.stderr)


def show_json(value: Out) -> None:
    """Prints one reply as JSON on stdout."""
    sys.stdout.write(value.model_dump_json(indent=2) + "\n")


def show_json_line(value: Out) -> None:
    """Prints one reply as one line of JSON on stdout."""
    sys.stdout.write(value.model_dump_json() + "\n")
    sys.stdout.flush()


def make_console(*, on_stderr: bool = False) -> Console:
    """Returns a console that wraps on a terminal and never elsewhere."""
    from rich.console import Console

    stream = sys.stderr if on_stderr else sys.stdout
    width = None if stream.isatty() else WIDE
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False, soft_wrap=False)


def styled(text: object, style: str = "") -> Text:
    """Returns text that is shown as it is, without markup or control characters."""
    from rich.text import Text

    return Text(clean(text), style=style)


def show(*parts: RenderableType | str, on_stderr: bool = False) -> None:
    """Prints parts one below the other."""
    console = make_console(on_stderr=on_stderr)
    for part in parts:
        console.print(styled(part) if isinstance(part, str) else part)


def make_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> RenderableType:
    """Returns a table; cells that are rich text keep their colours."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else styled("" if cell is None else cell) for cell in row))
    return table


def show_table(columns: Sequence[str], rows: Sequence[Sequence[object]], nothing: str) -> None:
    """Prints a table, or says that there is nothing."""
    if rows:
        show(make_table(columns, rows))
    else:
        say(nothing)


def show_fields(pairs: Sequence[tuple[str, object]]) -> None:
    """Prints names and values in two columns; empty values are left out."""
    from rich.table import Table

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim")
    grid.add_column(overflow="fold")
    for name, value in pairs:
        if value not in (None, "", []):
            grid.add_row(name, styled(value) if isinstance(value, str | int | bool) else value)  # type: ignore[arg-type]
    show(grid)


@contextmanager
def waiting(label: str, shown: bool) -> Iterator[None]:
    """Shows on stderr that something is under way."""
    if not (shown and sys.stderr.isatty()):
        yield
        return
    with make_console(on_stderr=True).status(label):
        yield


@contextmanager
def progress(label: str, total: int, shown: bool) -> Iterator[Callable[[int], None]]:
    """Shows a bar on stderr while bytes are sent; yields what to tell how many have gone."""
    if not (shown and sys.stderr.isatty()):
        yield lambda _done: None
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    with Progress(*columns, console=make_console(on_stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=total or None)

        def tell(done: int) -> None:
            bar.update(task, completed=done)
            if done >= total:
                bar.update(task, description="the server is reading", total=None)

        yield tell


@contextmanager
def counting(label: str, total: int, shown: bool) -> Iterator[Callable[[], None]]:
    """Shows a bar on stderr while things are done one by one; yields what to call after each."""
    if not (shown and total and sys.stderr.isatty()):
        yield lambda: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=make_console(on_stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=total)
        yield lambda: bar.advance(task)
