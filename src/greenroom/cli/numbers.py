"""`numbers`: telephone numbers, and which environment each one leads to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from greenroom.cli import output
from greenroom.cli.options import AsJson, Cursor, Limit, Project
from greenroom.cli.session import open_session

if TYPE_CHECKING:
    from greenroom.wire.numbers import NumberOut, SipRuleOut

app = typer.Typer(help="Numbers: list, show, add, assign, rules, remove.", no_args_is_help=True)
Number = Annotated[str, typer.Argument(metavar="NUMBER", help="With its country, for example +442079460000.")]
To = Annotated[str | None, typer.Option("--to", metavar="ENVIRONMENT", help="Alias, for example live.")]
DefaultEntry = Annotated[
    bool, typer.Option("--default-entry", help="It follows the project's default entry instead of one environment.")
]
Label = Annotated[str | None, typer.Option("--label", help="What it is for, for example Front desk.")]


@app.command("list")
def list_numbers(
    ctx: typer.Context, limit: Limit = 50, cursor: Cursor = None, project: Project = None, as_json: AsJson = False
) -> None:
    """Lists numbers and where each leads."""
    session = open_session(ctx, as_json)
    page = session.client.numbers.list(session.project(project), limit=limit, cursor=cursor).page()
    if not session.answer(page):
        rows = [
            (each.number, _leads_to(each), "" if each.public else "test number", len(each.sip_rules) or "", each.label)
            for each in page.items
        ]
        output.show_table(("number", "leads to", "is", "rules", "label"), rows, "no numbers")
        session.end_of_page(page.next_cursor)


@app.command("show")
def show(ctx: typer.Context, number: Number, project: Project = None, as_json: AsJson = False) -> None:
    """Shows one number with its SIP rules."""
    session = open_session(ctx, as_json)
    found = session.client.numbers.load(session.project(project), number)
    if session.answer(found):
        return
    fields: list[tuple[str, object]] = [
        ("number", found.number),
        ("label", found.label),
        ("leads to", _leads_to(found)),
        ("is", "public" if found.public else "a test number"),
    ]
    fields += [(f"rule {index}", _say_rule(rule)) for index, rule in enumerate(found.sip_rules)]
    output.show_fields([*fields, ("revision", found.revision)])


@app.command("add")
def add(
    ctx: typer.Context,
    number: Number,
    to: To = None,
    default_entry: DefaultEntry = False,
    label: Label = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Adds a number and assigns it to an environment, or to the default entry."""
    session = open_session(ctx, as_json)
    _check_one(to, default_entry)
    added = session.client.numbers.add(
        session.project(project), number, environment=to, default_entry=default_entry or None, label=label
    )
    if not session.answer(added):
        output.say(f"added {added.number}: it leads to {_leads_to(added)}")


@app.command("assign")
def assign(
    ctx: typer.Context,
    number: Number,
    to: To = None,
    default_entry: DefaultEntry = False,
    label: Label = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Assigns a number to another environment, or to the default entry. New calls alone notice."""
    session = open_session(ctx, as_json)
    _check_one(to, default_entry)
    named = session.project(project)
    seen = session.client.numbers.load(named, number).revision
    changed = session.client.numbers.change(
        named, number, revision=seen, environment=to, default_entry=default_entry or None, label=label
    )
    if not session.answer(changed):
        output.say(f"{changed.number} leads to {_leads_to(changed)}")


@app.command("rules")
def rules(
    ctx: typer.Context,
    number: Number,
    file: Annotated[
        Path | None, typer.Option("--file", "-f", help="JSON file with the list of rules; without it they are shown.")
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Take all rules away.")] = False,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Shows or replaces a number's SIP rules; the first that holds decides where a call goes."""
    session = open_session(ctx, as_json)
    named = session.project(project)
    found = session.client.numbers.load(named, number)
    if file is not None or clear:
        wanted = [] if file is None else _read_rules(file)
        found = session.client.numbers.change(named, number, revision=found.revision, sip_rules=wanted)
    if not session.answer(found):
        rows = [(index, _say_rule(rule)) for index, rule in enumerate(found.sip_rules)]
        output.show_table(("rule", "says"), rows, f"{found.number} has no rules")


@app.command("remove")
def remove(ctx: typer.Context, number: Number, project: Project = None, as_json: AsJson = False) -> None:
    """Removes a number; whoever calls it then is refused."""
    session = open_session(ctx, as_json)
    named = session.project(project)
    found = session.client.numbers.load(named, number)
    session.client.numbers.remove(named, number, revision=found.revision)
    output.say(f"removed {found.number}")


def _check_one(to: str | None, default_entry: bool) -> None:
    if (to is None) == (not default_entry):
        raise typer.BadParameter("say where it leads: --to ENVIRONMENT or --default-entry")


def _read_rules(file: Path) -> list[Any]:
    try:
        found = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as wrong:
        raise typer.BadParameter(f"{file} cannot be read as JSON: {wrong}") from None
    if not isinstance(found, list):
        raise typer.BadParameter(f"{file} holds no list of rules")
    return found


def _leads_to(number: NumberOut) -> str:
    return number.environment or "the default entry"


def _say_rule(rule: SipRuleOut) -> str:
    matches = rule.matches
    if matches.one_of is not None:
        how = f"is one of {', '.join(matches.one_of)}"
    else:
        how = f"is {matches.exact}" if matches.exact is not None else f"begins with {matches.prefix}"
    where = rule.then.environment or f"v{rule.then.version}, as a test"
    return f"{rule.header} {how}: {where}"
