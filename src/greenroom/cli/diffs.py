"""`diff`: the folder against what was pulled, the folder against a ref, or two refs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from greenroom.cli import output
from greenroom.cli.options import AsJson, Project
from greenroom.cli.session import Session, open_session
from greenroom.domain.errors import Invalid

if TYPE_CHECKING:
    from greenroom.cli.checkouts import Checkout
    from greenroom.domain.entities import Address, Body
    from greenroom.wire.checkouts import Local
    from greenroom.wire.versions import ComparisonOut

HERE = "folder"
PULLED = "pulled"


def diff(
    ctx: typer.Context,
    base: Annotated[
        str | None, typer.Argument(metavar="[A]", help="Ref: v12, live, draft:sandbox …; default: what was pulled.")
    ] = None,
    head: Annotated[str | None, typer.Argument(metavar="[B]", help="Ref; default: the folder.")] = None,
    folder: Annotated[
        Path | None, typer.Option("--folder", metavar="DIR", help="The folder; default: the nearest one upwards.")
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print it as a comment for a pull request.")] = False,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Shows what the folder changes: against the last pull, or against a ref. Compares two refs where two are given.

    Exit code 3: some files could not be read; the rest is shown.
    """
    from greenroom.cli.checkouts import find_root, open_checkout

    session = open_session(ctx, as_json)
    if base is not None and head is not None:
        _answer(session, session.client.versions.compare(_project(session, project, None), base, head), markdown)
        return
    checkout = open_checkout(find_root(folder) or Path())
    local = checkout.read()
    _answer(session, _compare(session, checkout, local, base, project), markdown)
    if local.contents.faults:
        raise Invalid("unreadable_files", "some files could not be compared", errors=local.contents.faults)


def _project(session: Session, project: str | None, checkout: Checkout | None) -> str:
    origin = None if checkout is None else checkout.origin
    return origin.project if origin is not None else session.project(project)


def _compare(session: Session, checkout: Checkout, local: Local, ref: str | None, project: str | None) -> ComparisonOut:
    from greenroom.cli.states import load_state

    if ref is None:
        checkout.load_origin()
        before = {address: pulled.body for address, pulled in checkout.base.items()}
    else:
        with output.waiting("comparing", shown=not session.as_json):
            state = load_state(session.client, _project(session, project, checkout), ref)
        before = {address: pulled.body for address, pulled in state.entities.items()}
    for address in local.unread:
        before.pop(address, None)
    return compare_bodies(ref or PULLED, before, HERE, local.entities)


def compare_bodies(
    base: str, before: Mapping[Address, Body], head: str, after: Mapping[Address, Body]
) -> ComparisonOut:
    """Returns a comparison as the server makes it, but for who changed what."""
    from greenroom.cli.states import LARGEST
    from greenroom.domain.checklists import checklist
    from greenroom.domain.diffs import diff_snapshots, explain, list_kinds
    from greenroom.domain.entities import freeze_body
    from greenroom.domain.versions import snapshot_of
    from greenroom.kinds import KINDS
    from greenroom.wire.comparisons import change_out, comparison_out
    from greenroom.wire.content import StateOut
    from greenroom.wire.versions import CheckOut

    bodies: dict[str, Body] = {}
    snapshots = []
    for side in (before, after):
        frozen = {address: freeze_body(body, LARGEST).digest for address, body in side.items()}
        bodies.update((frozen[address], body) for address, body in side.items())
        snapshots.append(snapshot_of(frozen))
    old, new = snapshots
    changes = diff_snapshots(old, new, KINDS)
    found = explain(changes, lambda _, digest: bodies[digest], KINDS, present=list_kinds(old, new))
    checks = [
        CheckOut(
            id=item.id,
            address=None if item.address is None else str(item.address),
            text=item.text,
            channels=[*item.channels],
        )
        for item in checklist(found.changes, KINDS)
    ]
    one = StateOut(ref=base, digest=old.digest, entities=len(old))
    other = StateOut(ref=head, digest=new.digest, entities=len(new))
    return comparison_out(found, one, other, [change_out(change, KINDS) for change in found.changes], checks)


def _answer(session: Session, found: ComparisonOut, markdown: bool) -> None:
    from greenroom.cli.comparisons import show_comparison
    from greenroom.cli.markdown import write_markdown

    if markdown:
        typer.echo(write_markdown(found))
    elif not session.answer(found):
        show_comparison(found)
