"""`draft`: your own working state of an environment, or the one that all its editors share."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from greenroom.cli import output
from greenroom.cli.options import AsJson, Cursor, DraftRevision, Env, Limit, Project, Resolve, TakenBack, Yes
from greenroom.cli.session import Session, open_session
from greenroom.domain.errors import Fault, Invalid, NotFound

if TYPE_CHECKING:
    from greenroom.wire.drafts import DraftOut, LoadedOut, RebaseOut, ResolutionIn

app = typer.Typer(help="Your draft: show, set, load, discard, restore, rebase, checkpoint.", no_args_is_help=True)

Address = Annotated[str, typer.Argument(help="kind/slug, for example topic/late-checkout.")]
IfMatch = Annotated[
    str | None, typer.Option("--if-match", help="The revision you saw, * to create; default: the one read just now.")
]


@app.command("show")
def show(ctx: typer.Context, env: Env = None, project: Project = None, as_json: AsJson = False) -> None:
    """Shows what your draft changes, and whether the environment moved on."""
    session = open_session(ctx, as_json)
    named = session.project(project)
    draft = session.client.drafts.load(named, session.environment(named, env).alias)
    if not session.answer(draft):
        _show(draft)


@app.command("set")
def save(
    ctx: typer.Context,
    address: Address,
    file: Annotated[str, typer.Argument(help="YAML or JSON file with the entity's fields, - for stdin.")],
    if_match: IfMatch = None,
    env: Env = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Saves one entity in your draft."""
    session = open_session(ctx, as_json)
    named = session.project(project)
    body = _read_body(file)
    alias = session.environment(named, env).alias
    revision = if_match or _revision(session, named, alias, address) or "*"
    saved = session.client.drafts.save(named, alias, address, body, if_match=revision)
    for warning in saved.warnings:
        output.say(f"warning: {warning}")
    if not session.answer(saved):
        output.say(f"saved {saved.address} in draft:{alias} (revision {saved.revision})")


@app.command("remove")
def remove(
    ctx: typer.Context,
    address: Address,
    if_match: IfMatch = None,
    env: Env = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Removes one entity in your draft."""
    session = open_session(ctx, as_json)
    named = session.project(project)
    alias = session.environment(named, env).alias
    revision = if_match or _revision(session, named, alias, address)
    if revision is None:
        raise NotFound("no_such_entity", f"there is no {address} in draft:{alias}")
    saved = session.client.drafts.remove(named, alias, address, if_match=revision)
    if not session.answer(saved):
        output.say(f"removed {saved.address} in draft:{alias}")


@app.command("discard")
def discard(
    ctx: typer.Context,
    yes: Yes = False,
    revision: DraftRevision = None,
    env: Env = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Returns your draft to what the environment serves. What it held can be restored for 30 days."""
    session = open_session(ctx, as_json)
    named = session.project(project)
    alias = session.environment(named, env).alias
    seen = ask_for_draft(session, named, alias, "discard", yes, revision, always=True)
    gone = session.client.drafts.discard(named, alias, revision=seen)
    if not session.answer(gone):
        output.say(f"discarded {output.count_of(gone.changes, 'change')}; kept for 30 days as {gone.discarded_id}")


@app.command("discarded")
def list_discarded(
    ctx: typer.Context,
    limit: Limit = 50,
    cursor: Cursor = None,
    env: Env = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Lists the drafts that were discarded in the last 30 days."""
    session = open_session(ctx, as_json)
    named = session.project(project)
    alias = session.environment(named, env).alias
    page = session.client.drafts.list_discarded(named, alias, limit=limit, cursor=cursor).page()
    if not session.answer(page):
        rows = [
            (d.discarded_id, f"{d.discarded_at:%Y-%m-%d %H:%M}", f"{d.until:%Y-%m-%d}", ", ".join(d.addresses[:4]))
            for d in page.items
        ]
        output.show_table(("id", "discarded", "kept until", "changes"), rows, "nothing was discarded")
        session.end_of_page(page.next_cursor)


@app.command("restore")
def restore(
    ctx: typer.Context,
    discarded: Annotated[str, typer.Argument(metavar="ID", help="The discarded draft, as `draft discarded` lists it.")],
    revision: DraftRevision = None,
    env: Env = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Brings a discarded draft back, beside what your draft changes now."""
    session = open_session(ctx, as_json)
    named = session.project(project)
    alias = session.environment(named, env).alias
    done = session.client.drafts.restore(named, alias, discarded, revision=revision)
    if not session.answer(done):
        show_loaded(done)


@app.command("load")
def load(
    ctx: typer.Context,
    ref: Annotated[str, typer.Argument(help="v12, live, live~1, draft:sandbox, sha256:…")],
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="ADDRESS", help="Just this entity; may be repeated.")
    ] = None,
    yes: Yes = False,
    revision: DraftRevision = None,
    env: Env = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Makes your draft what a ref holds, or takes single entities from there."""
    session = open_session(ctx, as_json)
    named = session.project(project)
    alias = session.environment(named, env).alias
    seen = ask_for_draft(session, named, alias, f"load {ref} over", yes, revision)
    done = session.client.drafts.load_ref(named, alias, ref, only=only or (), revision=seen)
    if not session.answer(done):
        show_loaded(done)


@app.command("announce")
def announce(
    ctx: typer.Context,
    entity: Annotated[str | None, typer.Option("--entity", help="What you have open: kind/slug.")] = None,
    env: Env = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Says that you are editing, for a minute. Shows who else is."""
    session = open_session(ctx, as_json)
    named = session.project(project)
    found = session.client.drafts.announce(named, session.environment(named, env).alias, entity=entity)
    if not session.answer(found):
        rows = [(p.name or p.id, p.entity, f"{p.seen_at:%H:%M:%S}") for p in found.present]
        output.show_table(("who", "what", "seen"), rows, "nobody")


@app.command("rebase")
def rebase(
    ctx: typer.Context,
    resolve: Resolve = None,
    taken_back: TakenBack = None,
    revision: DraftRevision = None,
    env: Env = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Brings your draft onto what its environment serves now; conflicts are listed, never dropped."""
    session = open_session(ctx, as_json)
    named = session.project(project)
    alias = session.environment(named, env).alias
    choice = taken_back.replace("-", "_") if taken_back else None
    done = session.client.drafts.rebase(
        named, alias, resolutions=read_resolutions(resolve), taken_back=choice, revision=revision
    )
    if not session.answer(done):
        _show_rebase(done)


def read_resolutions(given: list[str] | None) -> list[ResolutionIn]:
    """Returns `ID=ours|theirs|base` as the API has it."""
    from greenroom.wire.drafts import ResolutionIn

    found: list[ResolutionIn] = []
    for text in given or []:
        conflict, _, take = text.rpartition("=")
        if not conflict or take not in ("ours", "theirs", "base"):
            raise typer.BadParameter(f"'{text}' is not ID=ours, ID=theirs or ID=base", param_hint="--resolve")
        found.append(ResolutionIn(conflict_id=conflict, take=take))
    return found


def show_conflicts(rebased: Any) -> None:
    """Prints conflicts with both sides and how to settle each."""
    rows = [(c.id, c.address + c.pointer, c.kind, c.ours, c.theirs) for c in rebased.conflicts]
    output.show(output.make_table(("conflict", "where", "what", "ours", "theirs"), rows))
    output.say("settle each with --resolve ID=ours, ID=theirs or ID=base")


def ask_for_draft(
    session: Session, project: str, alias: str, what: str, yes: bool, revision: int | None, *, always: bool = False
) -> int:
    """Shows a draft with changes and asks whether to go on; returns the revision that was seen."""
    draft = session.client.drafts.load(project, alias)
    if not yes and (draft.changes or always):
        changes = output.count_of(len(draft.changes), "change")
        if not session.interactive:
            raise typer.BadParameter(f"to {what} {changes} without being asked, add --yes")
        _show(draft)
        typer.confirm(f"{what} {changes}?", abort=True, err=True)
    return draft.revision if revision is None else revision


def show_loaded(done: LoadedOut) -> None:
    """Prints what a load or a restore did to the draft."""
    styles = {"added": "green", "removed": "red", "edited": "blue"}
    rows = [(output.styled(c.op, styles[c.op]), c.address) for c in done.changes]
    output.show_table(("change", "address"), rows, "nothing changed")
    for warning in done.warnings:
        output.say(f"warning: {warning}")
    if done.discarded_id:
        output.say(f"what the draft held before is kept for 30 days: greenroom draft restore {done.discarded_id}")


def _show_rebase(done: RebaseOut) -> None:
    if done.conflicts:
        show_conflicts(done)
    elif done.rebased:
        output.say(f"draft:{done.draft.environment} now stands on {done.draft.base.ref}")
    else:
        output.say(f"draft:{done.draft.environment} was up to date")
    if done.taken_back:
        versions = ", ".join(f"v{number}" for number in done.taken_back.versions)
        choice = done.taken_back.choice.replace("_", "-")
        output.say(f"taken back by a rollback: {versions}; {choice} (change it with --taken-back)")


def _show(draft: DraftOut) -> None:
    output.show_fields(
        [
            ("draft", f"draft:{draft.environment}" + (" (shared)" if draft.mode == "shared" else "")),
            ("on", draft.base.ref),
            ("revision", draft.revision),
            ("digest", draft.digest),
            (
                "also editing",
                ", ".join(f"{other.owner_name or other.owner} ({other.changes})" for other in draft.others_editing),
            ),
            ("here now", ", ".join(f"{p.name or p.id} {p.entity}".strip() for p in draft.present)),
        ]
    )
    styles = {"added": "green", "removed": "red", "edited": "blue"}
    rows = [
        (output.styled(c.op, styles[c.op]), c.address, f"{c.at:%Y-%m-%d %H:%M}", c.by_name or c.by)
        for c in draft.changes
    ]
    output.show_table(("change", "address", "at", "by"), rows, "no changes")
    if draft.behind:
        output.say("the environment moved on since this draft began; see `greenroom draft rebase`")
    if draft.nudge:
        output.say(draft.nudge)


def _revision(session: Session, project: str, alias: str, address: str) -> str | None:
    try:
        return session.client.content.load(project, address, ref=f"draft:{alias}").revision
    except NotFound:
        return None


def _read_body(file: str) -> dict[str, Any]:
    from greenroom.wire import yaml_text

    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as wrong:
        raise Invalid("unreadable_path", f"{file}: {wrong.strerror}") from None
    body = yaml_text.load(data, file).value
    if not isinstance(body, dict):
        message = "an entity is a mapping of fields"
        raise Invalid("invalid_body", f"{file}: {message}", errors=[Fault(f"{file}:1", message)])
    return body
