"""`content`: the entities at a ref."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from greenroom.cli import output
from greenroom.cli.options import AsJson, Cursor, Limit, Project, Ref
from greenroom.cli.session import open_session

if TYPE_CHECKING:
    from greenroom.wire.content import LastChangeOut

app = typer.Typer(help="Entities at a ref: list, show, history.", no_args_is_help=True)


@app.command("list")
def list_entities(
    ctx: typer.Context,
    ref: Ref = None,
    kind: Annotated[str | None, typer.Option("--kind", help="Only this kind, for example topic.")] = None,
    limit: Limit = 200,
    cursor: Cursor = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Lists the entities at a ref."""
    session = open_session(ctx, as_json)
    listing = session.client.content.list(session.project(project), ref=ref, kind=kind, limit=limit, cursor=cursor)
    page = listing.page()
    if not session.answer(page):
        rows = [(entity.address, entity.name, entity.revision[:19]) for entity in page.items]
        output.show_table(("address", "name", "revision"), rows, "nothing there")
        session.end_of_page(page.next_cursor)


@app.command("show")
def show(
    ctx: typer.Context,
    address: Annotated[str, typer.Argument(help="kind/slug, for example topic/late-checkout.")],
    ref: Ref = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Shows one entity: its fields, what it mentions and where it is used."""
    session = open_session(ctx, as_json)
    entity = session.client.content.load(session.project(project), address, ref=ref)
    if session.answer(entity):
        return
    import yaml

    output.show_fields(
        [
            ("address", entity.address),
            ("name", entity.name),
            ("revision", entity.revision),
            ("mentions", ", ".join(entity.mentions)),
            ("used in", ", ".join(entity.where_used)),
            ("last changed", _say_last(entity.last_changed)),
        ]
    )
    text = yaml.safe_dump(entity.body, sort_keys=False, allow_unicode=True, width=100)
    output.show("", text.rstrip())


@app.command("history")
def list_history(
    ctx: typer.Context,
    address: Annotated[str, typer.Argument(help="kind/slug, for example topic/late-checkout.")],
    limit: Limit = 50,
    cursor: Cursor = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Shows who changed an entity, in which versions, and where each of its bodies is served."""
    session = open_session(ctx, as_json)
    listing = session.client.content.list_history(session.project(project), address, limit=limit, cursor=cursor)
    page = listing.page()
    if not session.answer(page):
        rows = [
            (
                f"v{c.version}",
                c.op,
                f"{c.at:%Y-%m-%d %H:%M}",
                c.edited_by_name or c.edited_by,
                ", ".join(c.served_by),
                c.note,
            )
            for c in page.items
        ]
        output.show_table(("version", "change", "at", "by", "served by", "note"), rows, "no changes")
        session.end_of_page(page.next_cursor)


def _say_last(last: LastChangeOut | None) -> str:
    if last is None:
        return ""
    where = f"v{last.version}: {last.note}" if last.version is not None else "in the draft"
    return f"{last.at:%Y-%m-%d %H:%M} by {last.by_name or last.by} ({where})"
