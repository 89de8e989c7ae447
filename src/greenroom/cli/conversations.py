"""`chat`, `conversations`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from greenroom.cli import output
from greenroom.cli.options import AsJson, Cursor, Limit, Project, Ref
from greenroom.cli.session import Session, open_session

if TYPE_CHECKING:
    from greenroom.wire.conversations import ConversationOut, TurnOut

app = typer.Typer(help="Conversations: list, show, end.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(metavar="ID", help="The conversation's id.")]


OnlyEnv = Annotated[str | None, typer.Option("--env", help="Only those of one environment.")]
OnlyVersion = Annotated[str | None, typer.Option("--version", help="Only those that began with this version.")]
OnlyChannel = Annotated[str | None, typer.Option("--channel", help="Only one channel, for example api.")]
OnlyOrigin = Annotated[str | None, typer.Option("--origin", help="public, test or replay.")]
OnlyTopic = Annotated[str | None, typer.Option("--topic", help="Only those that this topic answered.")]
OnlyOutcome = Annotated[
    Literal["running", "contained", "handed_off", "abandoned", "no_match", "error"] | None,
    typer.Option("--outcome", help="Only those that went so."),
]
OnlyTag = Annotated[str | None, typer.Option("--tag", help="Only those with this tag.")]
Since = Annotated[str | None, typer.Option("--since", help="Only those begun then or later: 2026-09-01T00:00:00Z.")]
Until = Annotated[str | None, typer.Option("--until", help="Only those begun before.")]


@app.command("list")
def list_conversations(
    ctx: typer.Context,
    env: OnlyEnv = None,
    version: OnlyVersion = None,
    channel: OnlyChannel = None,
    origin: OnlyOrigin = None,
    search: Annotated[str | None, typer.Option("--search", help="Words that were said.")] = None,
    topic: OnlyTopic = None,
    outcome: OnlyOutcome = None,
    tag: OnlyTag = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 20,
    cursor: Cursor = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Lists conversations, latest first."""
    from greenroom.cli.versions import read_number

    session = open_session(ctx, as_json)
    page = session.client.conversations.list(
        session.project(project),
        environment=env,
        version=read_number(version) if version else None,
        channel=channel,
        origin=origin,
        q=search,
        topic=topic,
        outcome=outcome,
        tag=tag,
        since=since,
        until=until,
        limit=limit,
        cursor=cursor,
    ).page()
    if not session.answer(page):
        output.show_table(_COLUMNS, [_row(each) for each in page.items], "no conversations")
        session.end_of_page(page.next_cursor)


_COLUMNS = ("conversation", "environment", "began with", "origin", "channel", "turns", "outcome", "tags", "began")


def _row(found: ConversationOut) -> tuple[object, ...]:
    return (
        found.id,
        found.environment,
        _version(found.version),
        found.origin,
        found.channel,
        found.turns,
        found.outcome,
        ", ".join(found.tags),
        f"{found.started_at:%Y-%m-%d %H:%M}",
    )


@app.command("show")
def show(
    ctx: typer.Context, conversation: Id, limit: Limit = 200, cursor: Cursor = None, as_json: AsJson = False
) -> None:
    """Shows a conversation with its turns and the version that answered each."""
    session = open_session(ctx, as_json)
    found = session.client.conversations.load(conversation, limit=limit, cursor=cursor)
    if session.answer(found):
        return
    output.show(_heading(found))
    for turn in found.transcript:
        if turn.heard:
            output.show(f"  you    {turn.heard}")
        output.show(f"  agent  {turn.reply}  [{_version(turn.version)}]")
    session.end_of_page(found.next_cursor)


@app.command("replay")
def replay(
    ctx: typer.Context,
    conversation: Id,
    ref: Annotated[str | None, typer.Option("--ref", help="Another version, draft or environment.")] = None,
    as_json: AsJson = False,
) -> None:
    """Plays a conversation again with the same inputs; nothing is called, sent or stored."""
    session = open_session(ctx, as_json)
    found = session.client.conversations.replay(conversation, ref=ref)
    if session.answer(found):
        return
    for turn in found.turns:
        output.say(f"{turn.index:>3} {'=' if turn.same else '!'} {turn.heard or '(greeting)'}")
        if not turn.same:
            output.say(f"      then: {turn.said}  [{', '.join(turn.actions)}]")
            output.say(f"      now:  {turn.said_now}  [{', '.join(turn.actions_now)}]")
    output.say(f"{output.count_of(found.changed, 'turn')} of {len(found.turns)} changed")


@app.command("end")
def end(ctx: typer.Context, conversation: Id, as_json: AsJson = False) -> None:
    """Ends a conversation."""
    session = open_session(ctx, as_json)
    ended = session.client.conversations.end(conversation)
    if not session.answer(ended):
        output.say(f"{ended.id} ended after {output.count_of(ended.turns, 'turn')}")


def chat(
    ctx: typer.Context,
    env: Annotated[
        str | None, typer.Option("--env", help="Come in on this environment; default: the default entry.")
    ] = None,
    ref: Ref = None,
    say: Annotated[
        list[str] | None, typer.Option("--say", metavar="TEXT", help="Say this instead of asking; may be repeated.")
    ] = None,
    conversation: Annotated[
        str | None, typer.Option("--conversation", metavar="ID", help="Go on with this conversation.")
    ] = None,
    user: Annotated[str | None, typer.Option("--user", help="User id, the key of traffic splits.")] = None,
    variable: Annotated[
        list[str] | None, typer.Option("--var", metavar="NAME=VALUE", help="Set a variable; may be repeated.")
    ] = None,
    trace: Annotated[bool, typer.Option("--trace", help="Show the version and the trace of each turn.")] = False,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Talks to the agent. In an environment as its users do, or, as a test, on any ref.

    With --json, prints one line for the start and one for each turn.
    """
    if env is not None and ref is not None:
        raise typer.BadParameter("give --env or --ref, not both")
    session = open_session(ctx, as_json)
    if conversation is None:
        named = session.project(project)
        conversation = _start(session, named, env, ref, user, _variables(variable), trace)
    for text in say if say is not None else _typed(session):
        turn = session.client.conversations.take_turn(conversation, text)
        _show_turn(session, turn, trace)
        if turn.ended:
            break


def _start(
    session: Session,
    project: str,
    env: str | None,
    ref: str | None,
    user: str | None,
    variables: Mapping[str, Any] | None,
    trace: bool,
) -> str:
    started = session.client.conversations.start(
        project, environment=env, ref=ref, user_id=user, variables=variables, channel="chat"
    )
    if session.as_json:
        output.show_json_line(started)
        return started.id
    output.say(_heading(started))
    if started.greeting:
        output.show(f"agent> {started.greeting}")
    if trace and started.events:
        _show_trace({"events": started.events})
    return started.id


def _typed(session: Session) -> Iterator[str]:
    """Yields lines until the person stops (an empty line or Ctrl-D)."""
    while True:
        try:
            text = input("you> " if session.interactive else "")
        except EOFError:
            return
        if not text.strip():
            if session.interactive:
                return
            continue
        yield text


def _show_turn(session: Session, turn: TurnOut, trace: bool) -> None:
    if session.as_json:
        output.show_json_line(turn)
        return
    output.show(f"agent> {turn.reply}" + (f"  [{_version(turn.version)}]" if trace else ""))
    if turn.draft_changed:
        output.say("(the draft changed since this chat began; start again to hear it)")
    if trace:
        _show_trace({"events": turn.events, **turn.trace})
    if turn.ended:
        output.say("(ended)")


def _show_trace(trace: Mapping[str, Any]) -> None:
    for name, value in trace.items():
        if value not in (None, [], {}, ""):
            output.say(f"  {name}: {json.dumps(value, ensure_ascii=False)}")


def _variables(given: list[str] | None) -> dict[str, Any] | None:
    found: dict[str, Any] = {}
    for text in given or []:
        name, sign, value = text.partition("=")
        if not name or not sign:
            raise typer.BadParameter(f"'{text}' is not NAME=VALUE", param_hint="--var")
        found[name] = value
    return found or None


def _heading(found: ConversationOut) -> str:
    state = "ended" if found.ended else "running"
    where = found.ref or found.environment
    return f"conversation {found.id} on {where}, began with {_version(found.version)} ({found.origin}, {state})"


def _version(number: int | None) -> str:
    return f"v{number}" if number is not None else "no version"
