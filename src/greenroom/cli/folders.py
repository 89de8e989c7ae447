"""`init`, `pull`, `push`, `validate`: a project kept as a folder of YAML and code, three-way with the last pull."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from greenroom.cli import output
from greenroom.cli.options import AsJson, DryRun, Project
from greenroom.cli.session import Session, open_session
from greenroom.domain.errors import Conflict, Fault, Invalid

if TYPE_CHECKING:
    from greenroom.cli.checkouts import Checkout
    from greenroom.wire.checkouts import Local, Origin
    from greenroom.wire.folders import FolderOut, PullOut, PushOut
    from greenroom.wire.problems import FaultOut
    from greenroom.wire.pulls import PulledEntity

Folder = Annotated[
    Path | None,
    typer.Argument(metavar="[DIR]", help="The folder; default: the nearest one upwards that was pulled, else here."),
]
Env = Annotated[
    str | None,
    typer.Option("--env", help="Whose draft a push fills; default: the folder's, else the first editable one."),
]
Ref = Annotated[
    str | None,
    typer.Option("--ref", help="What to pull and to go on pulling: sandbox, live, v12; default: your draft."),
]


def init(
    ctx: typer.Context,
    directory: Folder = None,
    env: Env = None,
    ref: Ref = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Makes a folder one of a project, without pulling: what it holds already counts as added."""
    from greenroom.cli.checkouts import open_checkout, write_file
    from greenroom.cli.origins import begin_origin
    from greenroom.wire.folder import MANIFEST, MANIFEST_TEXT

    session = open_session(ctx, as_json)
    checkout = open_checkout(directory or Path())
    origin, _ = begin_origin(session, session.project(project), env, ref)
    known = checkout.origin is not None and checkout.origin.project_id == origin.project_id
    if not (checkout.root / MANIFEST).exists():
        write_file(checkout.root, MANIFEST, MANIFEST_TEXT)
    checkout.save(origin, checkout.base if known else {})
    if not session.answer(_folder_out(checkout, origin)):
        output.say(f"{checkout.root} is a folder of {origin.project}, from {origin.ref}; next: greenroom pull")


def pull(
    ctx: typer.Context,
    directory: Folder = None,
    ref: Ref = None,
    env: Env = None,
    dry_run: DryRun = False,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Brings the server's changes into the folder. What both sides changed is merged, or marked as a conflict.

    Exit code 5: conflicts stand in the files that are named; 3: files could not be read and were left alone.
    """
    from greenroom.cli.checkouts import find_root, open_checkout, tidy
    from greenroom.cli.origins import choose_origin
    from greenroom.cli.states import load_state
    from greenroom.kinds import KINDS
    from greenroom.wire.checkouts import digest_of_base, read_local
    from greenroom.wire.pulls import plan_manifest, plan_pull

    session = open_session(ctx, as_json)
    checkout = open_checkout(find_root(directory) or Path())
    if not dry_run:
        checkout.root.mkdir(parents=True, exist_ok=True)
    with output.waiting("pulling", shown=not as_json):
        origin, mark = choose_origin(ctx, session, checkout.origin, project, env, ref)
        is_new = mark.digest != digest_of_base(checkout.base)
        theirs = load_state(session.client, origin.project, origin.ref).entities if is_new else checkout.base
    local = checkout.read() if checkout.root.is_dir() else read_local({}, {}, KINDS)
    entities = plan_pull(checkout.base, local, theirs, KINDS)
    changed: Sequence[str] = ()
    if not dry_run:
        tidy(checkout.root)
        manifest = plan_manifest(local)
        changed = checkout.carry_out(origin, local, entities, manifest)
        local = checkout.read() if manifest or any(each.files for each in entities) else local
    done = _pull_out(checkout, origin, entities, local, dry_run)
    if not session.answer(done):
        _show_pull(done)
    _refuse_after_pull(done, changed)


def _pull_out(
    checkout: Checkout, origin: Origin, entities: Sequence[PulledEntity], local: Local, dry_run: bool
) -> PullOut:
    from greenroom.wire.folders import PulledEntityOut, PullOut, fault_outs

    shown = [
        PulledEntityOut(address=str(each.address), mode=each.mode, places=[*each.places], kept=[*each.kept])
        for each in entities
        if each.mode is not None
    ]
    return PullOut(
        folder=_folder_out(checkout, origin),
        dry_run=dry_run,
        entities=shown,
        conflicts=fault_outs(local.conflicts),
        unreadable=fault_outs([fault for fault in local.unreadable if fault.code != "no_manifest"]),
    )


def _show_pull(done: PullOut) -> None:
    from greenroom.cli.comparisons import SIGNS, STYLES

    would = "would be " if done.dry_run else ""
    words = {"updated": "edited", "merged": "edited", "conflict": "removed", "left": "removed"}
    for entity in done.entities:
        op = words.get(entity.mode, entity.mode)
        sign = "!" if entity.mode in ("conflict", "left") else SIGNS[op]
        output.show(output.styled(f"{sign} {entity.address}: {would}{entity.mode}", STYLES[op]))
        if entity.kept:
            names = ", ".join(f".greenroom/kept/{path}" for path in entity.kept)
            output.say(f"  its comments could not be kept; the file as it was: {names}")
    if not done.entities:
        output.say(f"{done.folder.path} is up to date with {done.folder.ref}")


def _refuse_after_pull(done: PullOut, changed: Sequence[str]) -> None:
    """Says by its exit code that a pull was not all: the folder has what could be done."""
    planned = [place for entity in done.entities for place in entity.places] if done.dry_run else []
    errors = [*_faults(done.conflicts), *(Fault(place, "a conflict would stand here") for place in planned)]
    errors += [Fault(f"{path}:1", "the file changed while it was pulled; it was left as it is") for path in changed]
    unreadable = _faults(done.unreadable)
    if errors:
        detail = f"{output.count_of(len(errors), 'conflict')}: settle each in its file, then push"
        raise Conflict("conflicts_in_folder", detail, errors=[*errors, *unreadable])
    if unreadable:
        detail = f"{output.count_of(len(unreadable), 'fault')} in files, which the pull left alone"
        raise Invalid("unreadable_files", detail, errors=unreadable)


def push(
    ctx: typer.Context,
    directory: Folder = None,
    env: Env = None,
    whole: Annotated[
        bool, typer.Option("--whole", help="Refuse unless the draft becomes exactly the folder; for automation.")
    ] = False,
    dry_run: DryRun = False,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Sends what was changed in the folder into your draft, entity by entity, each on the revision that was pulled.

    Nothing is sent while conflicts stand (exit code 5), files are at fault (3), or the draft has another revision of
    something that was changed here (6): pull first.
    """
    from greenroom.cli.checkouts import find_root, open_checkout
    from greenroom.cli.origins import check_project
    from greenroom.cli.pushes import Push
    from greenroom.wire.folders import fault_outs

    session = open_session(ctx, as_json)
    checkout = open_checkout(find_root(directory) or Path())
    origin = checkout.load_origin()
    origin = replace(origin, environment=env or origin.environment)
    local = checkout.read()
    warnings = check_pushable(checkout, local)
    with output.waiting("comparing", shown=not as_json):
        check_project(ctx, session, origin, project)
        pushing = Push.plan(session.client, checkout, origin, local, whole=whole)
    done = pushing.describe(_folder_out(checkout, origin), fault_outs(warnings), dry_run=dry_run)
    if not dry_run:
        try:
            with output.counting("pushing", len(pushing.steps), shown=not as_json) as tell:
                pushing.send(done, tell)
        finally:
            pushing.record()
    if not session.answer(done):
        _show_push(done)
    pushing.refuse_raced()


def check_pushable(checkout: Checkout, local: Local) -> Sequence[Fault]:
    """Returns what is odd. Raises Conflict `conflicts_stand`, Invalid `invalid_folder` with each `path:line`."""
    from greenroom.kinds import KINDS
    from greenroom.wire.validations import check_changes

    if local.conflicts:
        detail = f"{output.count_of(len(local.conflicts), 'conflict')} in files: nothing was sent"
        raise Conflict("conflicts_stand", detail, errors=local.conflicts)
    errors, warnings = check_changes(local, checkout.base, KINDS)
    if errors:
        detail = f"{output.count_of(len(errors), 'fault')} in files: nothing was sent"
        raise Invalid("invalid_folder", detail, errors=errors)
    return warnings


def _show_push(done: PushOut) -> None:
    from greenroom.cli.comparisons import SIGNS, STYLES

    for fault in done.warnings:
        output.say(f"warning: {fault.pointer}: {fault.message}")
    would = "would be " if done.dry_run else ""
    for entity in done.pushed:
        output.show(output.styled(f"{SIGNS[entity.op]} {entity.address}: {would}{entity.op}", STYLES[entity.op]))
    if not done.pushed:
        output.say(f"nothing to push: {done.draft} has every change of {done.folder.path}")
    if done.elsewhere:
        count = output.count_of(len(done.elsewhere), "other change")
        output.say(f"{done.draft} has {count} that this folder lacks; see greenroom diff {done.draft}")


def validate(ctx: typer.Context, directory: Folder = None, as_json: AsJson = False) -> None:
    """Checks a folder without a server: schema, limits, references. Each fault has its path and line."""
    from greenroom.cli.checkouts import find_root, open_checkout
    from greenroom.kinds import KINDS
    from greenroom.wire.folders import ValidationOut, fault_outs
    from greenroom.wire.validations import NOT_CHECKED, check_folder

    session = open_session(ctx, as_json)
    checkout = open_checkout(find_root(directory) or Path())
    local = checkout.read()
    errors, warnings = check_folder(local, KINDS)
    done = ValidationOut(
        entities=len(local.entities),
        errors=fault_outs(errors),
        warnings=fault_outs(warnings),
        not_checked=NOT_CHECKED,
    )
    if not session.answer(done):
        for fault in warnings:
            output.say(f"warning: {fault.pointer}: {fault.message}")
    if errors:
        detail = f"{output.count_of(len(errors), 'fault')} in {checkout.root}"
        raise Invalid("invalid_folder", detail, errors=errors)
    if not as_json:
        output.say(f"no fault in {len(local.entities):,} entities; {NOT_CHECKED}")


def show_status(session: Session, root: Path) -> None:
    """Shows a folder against its last pull, and whether the server moved since: one request, if it can be reached."""
    from greenroom.cli.checkouts import open_checkout
    from greenroom.cli.folder_status import describe_status, show

    checkout = open_checkout(root)
    done = describe_status(session, checkout, checkout.load_origin(), _folder_out(checkout, checkout.load_origin()))
    if not session.answer(done):
        show(done)


def _faults(outs: Sequence[FaultOut]) -> list[Fault]:
    return [Fault(out.pointer, out.message, out.code, out.hint) for out in outs]


def _folder_out(checkout: Checkout, origin: Origin) -> FolderOut:
    from greenroom.wire.folders import FolderOut

    return FolderOut(path=str(checkout.root), project=origin.project, environment=origin.environment, ref=origin.ref)
