"""Which project, environment and ref a folder follows, and whether the server asked is the one it came from."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

import typer

from greenroom.cli.session import Session
from greenroom.cli.states import Mark, load_mark
from greenroom.domain.errors import Invalid, NotFound, Refused
from greenroom.domain.refs import DraftRef, parse_ref
from greenroom.wire.checkouts import Origin


def begin_origin(session: Session, project: str, env: str | None, ref: str | None) -> tuple[Origin, Mark]:
    """Returns the origin of a new folder, by default the caller's draft of the first editable environment; its mark."""
    found = session.client.projects.load(project)
    named = None if ref is None else parse_ref(ref)
    if env is None and isinstance(named, DraftRef):
        env = named.alias
    alias = session.environment(found.slug, env).alias
    ref = ref or f"draft:{alias}"
    mark = load_mark(session.client, found.slug, ref)
    return Origin(found.slug, found.id, alias, ref, server_name(session.login.url), mark.owner), mark


def choose_origin(
    ctx: typer.Context, session: Session, origin: Origin | None, project: str | None, env: str | None, ref: str | None
) -> tuple[Origin, Mark]:
    """Returns what a pull follows, and what its ref names now: the folder's own, with what the command names itself.

    Raises Refused where the server has another project under that name, or the folder follows the draft of
    somebody else.
    """
    if origin is None:
        return begin_origin(session, session.project(project), env, ref)
    check_project(ctx, session, origin, project)
    if ref is None and env is not None and origin.ref == f"draft:{origin.environment}":
        ref = f"draft:{env}"
    chosen = replace(origin, environment=env or origin.environment, ref=ref or origin.ref)
    named = parse_ref(chosen.ref)
    if ref is not None and env is None and isinstance(named, DraftRef) and named.owner is None:
        chosen = replace(chosen, environment=named.alias)
    mark = load_mark(session.client, chosen.project, chosen.ref)
    if ref is None and mark.owner and origin.owner not in ("", mark.owner):
        raise Refused(
            "other_draft",
            f"this folder follows the draft of {origin.owner}, and you are somebody else: your draft may lack what"
            f" it has. To follow yours from now on: --ref {chosen.ref}; what is published: --ref {chosen.environment}",
        )
    return replace(chosen, owner=mark.owner), mark


def check_project(ctx: typer.Context, session: Session, origin: Origin, project: str | None) -> None:
    """Raises Refused `other_project` where a command names another one, or the server has another one by the name."""
    source = ctx.get_parameter_source("project")
    if project not in (None, origin.project, origin.project_id) and source is not None and source.name == "COMMANDLINE":
        raise Refused(
            "other_project",
            f"this folder is one of {origin.project}, not of {project}; `greenroom init` makes it one of another",
        )
    asked = session.login.url
    try:
        found = session.client.projects.load(origin.project)
    except NotFound:
        found = None
    if found is None or found.id != origin.project_id:
        raise Refused(
            "other_project",
            f"{origin.project} at {server_name(asked)} is not the project that this folder was pulled from"
            f" ({origin.server}); name the server with --url, or make the folder one of this project with"
            " `greenroom init`",
        )


def server_name(url: str) -> str:
    """Returns a server's URL without anything secret that may be written in it."""
    parts = urlsplit(url)
    if not parts.hostname:
        raise Invalid("invalid_url", "the server's URL names no host")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "")
