"""The state of a folder: what changed here, what stands in the way, and whether the server moved."""

from __future__ import annotations

from greenroom.cli import output
from greenroom.cli.checkouts import Checkout
from greenroom.cli.comparisons import SIGNS, STYLES
from greenroom.cli.session import Session
from greenroom.cli.states import load_mark
from greenroom.domain.canonical import Digest
from greenroom.domain.entities import Address, freeze_body
from greenroom.domain.errors import GreenroomError, LimitReached
from greenroom.kinds import KINDS
from greenroom.wire.checkouts import Local, Origin, digest_of_base, find_changes
from greenroom.wire.folders import FolderOut, FolderStatusOut, LocalChangeOut, fault_outs


def describe_status(session: Session, checkout: Checkout, origin: Origin, folder: FolderOut) -> FolderStatusOut:
    """Returns the state of a folder. A server that cannot be asked is no reason to say nothing."""
    local = checkout.read()
    pushed = checkout.pushed(origin.environment, None).revisions
    changes = [
        LocalChangeOut(
            address=str(change.address),
            op=change.op,
            in_draft=change.address in pushed and pushed[change.address] == _revision(local, change.address),
        )
        for change in find_changes(checkout.base, local, KINDS)
    ]
    try:
        moved = load_mark(session.client, origin.project, origin.ref).digest != digest_of_base(checkout.base)
    except GreenroomError as wrong:
        output.say(f"the server was not asked whether it moved: {wrong.detail}")
        moved = None
    return FolderStatusOut(
        folder=folder,
        changes=changes,
        conflicts=fault_outs(local.conflicts),
        unreadable=fault_outs(local.unreadable),
        moved=moved,
    )


def _revision(local: Local, address: Address) -> Digest | None:
    body = local.entities.get(address)
    try:
        return None if body is None else freeze_body(body).digest
    except LimitReached:
        return None


def show(found: FolderStatusOut) -> None:
    """Prints the state of a folder."""
    moved = {True: "has something to pull", False: "has nothing new", None: "was not asked"}[found.moved]
    output.show_fields(
        [
            ("project", found.folder.project),
            ("pulled from", found.folder.ref),
            ("pushes to", f"draft:{found.folder.environment}"),
            ("the server", moved),
        ]
    )
    for change in found.changes:
        note = " (your draft has it)" if change.in_draft else ""
        output.show(output.styled(f"{SIGNS[change.op]} {change.address}: {change.op}{note}", STYLES[change.op]))
    for fault in (*found.conflicts, *found.unreadable):
        output.show(output.styled(f"! {fault.pointer}: {fault.message}", "red"))
    if not (found.changes or found.conflicts or found.unreadable):
        output.say("nothing changed here since the pull")
