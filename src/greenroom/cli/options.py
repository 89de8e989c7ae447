"""The options that several commands share, so that each has one name, one meaning and one help text."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

Project = Annotated[
    str | None,
    typer.Option(
        "--project", "-p", envvar="GREENROOM_PROJECT", help="Slug or id of the project; default: the saved one."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the server's JSON on stdout, messages on stderr.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=200, help="How many to list.")]
Cursor = Annotated[str | None, typer.Option("--cursor", help="Where to go on, as the page before said.")]
Env = Annotated[str | None, typer.Option("--env", help="Alias of an environment; default: the first editable one.")]
Ref = Annotated[str | None, typer.Option("--ref", help="v12, live, live~1, draft:sandbox, sha256:…")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would happen; change nothing.")]
ExpectedSeq = Annotated[
    int | None,
    typer.Option("--expected-seq", min=0, help="The environment's sequence you saw; default: the one read just now."),
]
DraftRevision = Annotated[int | None, typer.Option("--revision", min=0, help="The draft's revision you saw.")]
InFlight = Annotated[
    Literal["finish", "switch", "drain"] | None,
    typer.Option("--in-flight", help="What running conversations do: stay, move at the next turn, or move at a time."),
]
DrainUntil = Annotated[
    str | None, typer.Option("--drain-until", help="With --in-flight drain: a time such as 2026-09-01T18:00:00Z.")
]
Acknowledged = Annotated[
    list[str] | None, typer.Option("--ack", metavar="CODE", help="Acknowledge a warning by its code; may be repeated.")
]
Resolve = Annotated[
    list[str] | None,
    typer.Option("--resolve", metavar="ID=ours|theirs|base", help="Settle a conflict; may be repeated."),
]
TakenBack = Annotated[
    Literal["leave-out", "bring-back"] | None,
    typer.Option("--taken-back", help="What becomes of changes that a rollback took back."),
]
Reason = Annotated[str, typer.Option("--reason", help="Why; everybody reads it in the history.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask, where asking is only a courtesy.")]
