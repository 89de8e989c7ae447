"""`env`: the environments of a project: what they serve, made, cloned, renamed, deleted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from greenroom.cli import output
from greenroom.cli.options import (
    Acknowledged,
    AsJson,
    Cursor,
    DrainUntil,
    DryRun,
    ExpectedSeq,
    InFlight,
    Limit,
    Project,
)
from greenroom.cli.session import open_session, with_repeat
from greenroom.domain.errors import Missing

if TYPE_CHECKING:
    from greenroom.wire.environments import CreatedOut, DeletionOut, EnvironmentOut

app = typer.Typer(help="Environments: list, show, create, clone, rename, change, delete.", no_args_is_help=True)
Alias = Annotated[str, typer.Argument(help="Alias, for example live.")]
NewName = Annotated[str, typer.Argument(metavar="NAME", help="Display name.")]
NewAlias = Annotated[str | None, typer.Option("--alias", help="Its name in URLs, for ever; default: from the name.")]
Mode = Annotated[
    Literal["private", "shared"] | None, typer.Option("--drafts", help="One draft a person, or one for all.")
]
After = Annotated[str | None, typer.Option("--promotes-from", metavar="ALIAS", help="The step before it.")]


@app.command("list")
def list_environments(
    ctx: typer.Context, limit: Limit = 50, cursor: Cursor = None, project: Project = None, as_json: AsJson = False
) -> None:
    """Lists environments with what each serves and how many conversations run."""
    session = open_session(ctx, as_json)
    page = session.client.environments.list(session.project(project), limit=limit, cursor=cursor).page()
    if not session.answer(page):
        show_list(page.items)
        session.end_of_page(page.next_cursor)


@app.command("show")
def show(
    ctx: typer.Context,
    alias: Annotated[str, typer.Argument(help="Alias, for example live.")],
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Shows one environment."""
    session = open_session(ctx, as_json)
    found = session.client.environments.load(session.project(project), alias)
    if session.answer(found):
        return
    serves = found.serves
    output.show_fields(
        [
            ("environment", f"{found.alias} ({found.name})"),
            ("is", ", ".join(_traits(found))),
            ("serves", f"v{serves.version} since {serves.since:%Y-%m-%d %H:%M} UTC" if serves else "nothing yet"),
            ("by", f"{serves.operation} by {serves.by_name or serves.by}" if serves else ""),
            ("digest", serves.digest if serves else ""),
            ("sequence", found.seq),
            ("promotes from", found.promotes_from),
            ("a rollback brings back", f"v{found.rollback_to}" if found.rollback_to else "nothing"),
            ("running", _running(found)),
            ("your draft", output.count_of(found.draft_changes, "change") if found.editable else ""),
        ]
    )


@app.command("create")
def create(
    ctx: typer.Context,
    name: NewName,
    alias: NewAlias = None,
    promotes_from: After = None,
    drafts: Mode = None,
    no_drafts: Annotated[bool, typer.Option("--no-drafts", help="Versions come to it by promotion only.")] = False,
    internal: Annotated[bool, typer.Option("--internal", help="It never takes public traffic.")] = False,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Makes an environment that serves nothing yet."""
    session = open_session(ctx, as_json)
    made = session.client.environments.create(
        session.project(project),
        name,
        alias=alias,
        editable=False if no_drafts else None,
        internal=internal or None,
        promotes_from=promotes_from,
        draft_mode=drafts,
    )
    if not session.answer(made):
        _show_created(made)


@app.command("clone")
def clone(
    ctx: typer.Context,
    source: Annotated[str, typer.Argument(metavar="REF", help="An environment, or any ref that names a version.")],
    name: NewName,
    alias: NewAlias = None,
    with_draft: Annotated[bool, typer.Option("--with-draft", help="Take your unpublished changes along.")] = False,
    drafts: Mode = None,
    internal: Annotated[bool, typer.Option("--internal", help="It never takes public traffic.")] = False,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Clones a ref into a new environment. At once: nothing is copied but secret overrides and, if asked, the draft."""
    session = open_session(ctx, as_json)
    made = session.client.environments.create(
        session.project(project),
        name,
        alias=alias,
        clone_from=source,
        include_draft=with_draft or None,
        internal=internal or None,
        draft_mode=drafts,
    )
    if not session.answer(made):
        _show_created(made)


@app.command("rename")
def rename(ctx: typer.Context, alias: Alias, name: NewName, project: Project = None, as_json: AsJson = False) -> None:
    """Gives an environment another display name; its aliases stay."""
    session = open_session(ctx, as_json)
    named = session.project(project)
    seen = session.client.environments.load(named, alias)
    changed = session.client.environments.change(named, alias, if_match=seen.revision, name=name)
    if not session.answer(changed):
        output.say(f"{changed.alias} is now called {changed.name}")


@app.command("change")
def change(
    ctx: typer.Context,
    alias: Alias,
    add_alias: Annotated[str | None, typer.Option("--add-alias", help="One more name in URLs, for ever.")] = None,
    drafts: Mode = None,
    editable: Annotated[bool | None, typer.Option("--editable/--no-drafts", help="Whether it has drafts.")] = None,
    internal: Annotated[
        bool | None, typer.Option("--internal/--not-internal", help="Whether it never takes public traffic.")
    ] = None,
    promotes_from: After = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Changes what an environment is; what it serves stays."""
    session = open_session(ctx, as_json)
    named = session.project(project)
    seen = session.client.environments.load(named, alias)
    changed = session.client.environments.change(
        named,
        alias,
        if_match=seen.revision,
        add_alias=add_alias,
        draft_mode=drafts,
        editable=editable,
        internal=internal,
        promotes_from=promotes_from,
    )
    if not session.answer(changed):
        output.say(f"{changed.alias}: {', '.join(_traits(changed)) or 'neither public nor internal'}")


@app.command("delete")
def delete(
    ctx: typer.Context,
    alias: Alias,
    move_to: Annotated[str | None, typer.Option("--move-to", metavar="ALIAS", help="Where what is there goes.")] = None,
    confirm: Annotated[
        str | None,
        typer.Option("--confirm", metavar="VERSION", help="What --move-to serves, where the public hears it."),
    ] = None,
    expected_seq: ExpectedSeq = None,
    in_flight: InFlight = None,
    drain_until: DrainUntil = None,
    acknowledged: Acknowledged = None,
    dry_run: DryRun = False,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Deletes an environment. What depends on it is listed, and moved where --move-to says."""
    from greenroom.cli.versions import read_number

    session = open_session(ctx, as_json)
    named = session.project(project)
    seq = session.client.environments.load(named, alias).seq if expected_seq is None else expected_seq
    try:
        done = session.client.environments.delete(
            named,
            alias,
            expected_seq=seq,
            move_to=move_to,
            confirm=read_number(confirm) if confirm is not None else None,
            in_flight=in_flight,
            drain_until=drain_until,
            acknowledged=acknowledged or (),
            dry_run=dry_run,
        )
    except Missing as missing:
        raise with_repeat(ctx, missing, seq) from None
    if not session.answer(done):
        show_deletion(done)


@app.command("aliases")
def list_aliases(
    ctx: typer.Context, limit: Limit = 50, cursor: Cursor = None, project: Project = None, as_json: AsJson = False
) -> None:
    """Lists every alias that answers, and who still calls deprecated ones."""
    session = open_session(ctx, as_json)
    page = session.client.environments.list_aliases(session.project(project), limit=limit, cursor=cursor).page()
    if session.answer(page):
        return
    rows = [
        (
            found.alias,
            found.environment,
            f"since {found.deprecated_at:%Y-%m-%d}: use {found.successor}" if found.deprecated_at else "",
            ", ".join(f"{use.name or use.principal} ({use.last_at:%Y-%m-%d})" for use in found.uses),
        )
        for found in page.items
    ]
    output.show_table(("alias", "environment", "deprecated", "still used by"), rows, "no aliases")
    session.end_of_page(page.next_cursor)


def show_deletion(done: DeletionOut) -> None:
    """Prints a deletion, or the plan of one."""
    verb = "would delete" if done.dry_run else "deleted"
    goes = f"; what it had goes to {done.moved_to}" if done.moved_to else ""
    output.say(f"{verb} {done.environment}{goes}")
    for dependant in done.moved:
        output.say(f"  moved: {dependant.what} {dependant.name}".rstrip())
    for dependant in done.in_the_way:
        output.say(f"  in the way: {dependant.what} {dependant.name}".rstrip() + f" - {dependant.remedy}")
    for warning in done.warnings:
        output.say(f"  warning: {warning.message} [{warning.code}]; acknowledge with --ack {warning.code}")
    if done.conversations_end_at is not None:
        output.say(f"  its conversations end at {done.conversations_end_at:%Y-%m-%d %H:%M} UTC")


def _show_created(made: CreatedOut) -> None:
    found = made.environment
    serves = f"serves v{found.serves.version}" if found.serves else "serves nothing yet"
    output.say(f"made {found.alias} ({found.name}): {serves}")
    if made.copied_changes:
        output.say(f"  with {output.count_of(made.copied_changes, 'change')} of your draft")
    if made.copied_secrets:
        output.say(f"  with {output.count_of(made.copied_secrets, 'secret override')}")
    if made.advice:
        output.say(f"  {made.advice}")


def show_list(found: Sequence[EnvironmentOut]) -> None:
    """Prints environments as a table."""
    rows = [
        (
            env.alias,
            f"v{env.serves.version}" if env.serves else "-",
            f"v{env.rollback_to}" if env.rollback_to else "-",
            env.seq,
            _running(env),
            output.count_of(env.draft_changes, "change") if env.draft_changes else "",
            ", ".join(_traits(env)),
        )
        for env in found
    ]
    columns = ("environment", "serves", "rollback to", "sequence", "running", "your draft", "is")
    output.show_table(columns, rows, "no environments")


def _traits(env: EnvironmentOut) -> list[str]:
    traits = {
        "public": env.public,
        "internal": env.internal,
        "editable": env.editable,
        "default entry": env.default_entry,
    }
    return [name for name, is_so in traits.items() if is_so]


def _running(env: EnvironmentOut) -> str:
    return ", ".join(f"{group.conversations} on v{group.version}" for group in env.running)
