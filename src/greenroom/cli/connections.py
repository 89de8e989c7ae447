"""`connections`: model providers, help desks and shops of a project, and which secrets open them."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from greenroom.cli import output
from greenroom.cli.options import AsJson, Cursor, Limit, Project
from greenroom.cli.session import Session, open_session
from greenroom.domain.errors import NotFound

app = typer.Typer(help="Connections: list, show, set, remove.", no_args_is_help=True)
Slug = Annotated[str, typer.Argument(help="Slug, for example openai.")]


@app.command("list")
def list_connections(
    ctx: typer.Context, limit: Limit = 50, cursor: Cursor = None, project: Project = None, as_json: AsJson = False
) -> None:
    """Lists connections."""
    session = open_session(ctx, as_json)
    page = session.client.connections.list(session.project(project), limit=limit, cursor=cursor).page()
    if not session.answer(page):
        rows = [(each.slug, each.kind, each.provider, each.base_url, each.secret) for each in page.items]
        output.show_table(("slug", "kind", "provider", "address", "secret"), rows, "no connections")
        session.end_of_page(page.next_cursor)


@app.command("show")
def show(ctx: typer.Context, slug: Slug, project: Project = None, as_json: AsJson = False) -> None:
    """Shows one connection."""
    session = open_session(ctx, as_json)
    found = session.client.connections.load(session.project(project), slug)
    if not session.answer(found):
        fields = [("kind", found.kind), ("provider", found.provider), ("address", found.base_url)]
        settings = json.dumps(found.settings, ensure_ascii=False, sort_keys=True)
        fields += [("secret", found.secret), ("settings", settings), ("revision", str(found.revision))]
        output.show_fields(fields)


@app.command("set")
def save(
    ctx: typer.Context,
    slug: Slug,
    kind: Annotated[str | None, typer.Option("--kind", help="What it is for: model, zendesk, shopify, …")] = None,
    provider: Annotated[str | None, typer.Option("--provider", help="Whose models, for example openai.")] = None,
    base_url: Annotated[str | None, typer.Option("--base-url", help="Where, if not the usual place.")] = None,
    secret: Annotated[str | None, typer.Option("--secret", help="NAME of the secret that opens it.")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--setting", metavar="NAME=VALUE", help="A setting, JSON or text; may be repeated."),
    ] = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Makes a connection, or changes what is given of one."""
    session = open_session(ctx, as_json)
    named = session.project(project)
    given: dict[str, Any] = {"kind": kind, "provider": provider, "base_url": base_url, "secret": secret}
    given = {name: value for name, value in given.items() if value is not None}
    saved = _save(session, named, slug, given, _read_settings(settings or []))
    if not session.answer(saved):
        output.say(f"saved {saved.slug} (revision {saved.revision})")


@app.command("remove")
def remove(ctx: typer.Context, slug: Slug, project: Project = None, as_json: AsJson = False) -> None:
    """Removes a connection."""
    session = open_session(ctx, as_json)
    named = session.project(project)
    found = session.client.connections.load(named, slug)
    session.client.connections.remove(named, slug, revision=found.revision)
    output.say(f"removed {slug}")


def _save(session: Session, project: str, slug: str, given: dict[str, Any], settings: dict[str, Any]) -> Any:
    try:
        found = session.client.connections.load(project, slug)
    except NotFound as wrong:
        if wrong.code != "connection_not_found":
            raise
        if "kind" not in given:
            raise typer.BadParameter(f"there is no connection '{slug}' yet: say what it is for with --kind") from None
        return session.client.connections.save(project, slug, **given, settings=settings)
    before = {"kind": found.kind, "provider": found.provider, "base_url": found.base_url, "secret": found.secret}
    whole = {**before, **given, "settings": {**found.settings, **settings}}
    return session.client.connections.save(project, slug, **whole, revision=found.revision)


def _read_settings(pairs: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise typer.BadParameter(f"--setting takes NAME=VALUE, not '{pair}'")
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found
