"""The command tree. Heavy modules are imported inside commands, so that `--help` is quick."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from greenroom import __version__
from greenroom.cli import (
    checkpoints,
    connections,
    content,
    conversations,
    diffs,
    drafts,
    environments,
    erasures,
    evaluations,
    executions,
    folders,
    history,
    keys,
    knowledge,
    merges,
    numbers,
    output,
    projects,
    readiness,
    releases,
    results,
    secrets,
    server,
    share_links,
    splits,
    tables,
    test_runs,
    testers,
    tickets,
    traffic,
    transcripts,
    versions,
    widgets,
)
from greenroom.cli.config import DEFAULT_URL, Login, save_login
from greenroom.cli.options import AsJson, Project
from greenroom.cli.session import Session, Surroundings, open_session
from greenroom.domain.errors import GreenroomError


class Root(TyperGroup):
    """The tree itself: every refusal leaves through here, as a message and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Runs a command; what it refuses is printed, never traced."""
        try:
            return super().invoke(ctx)
        except GreenroomError as error:
            session = ctx.find_object(Session)
            as_json = session is not None and session.as_json
            raise typer.Exit(output.report(error, as_json, session.notices if session else [])) from None


app = typer.Typer(
    cls=Root,
    name="greenroom",
    help="Greenroom: draft, publish, promote and roll back conversational AI agents.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"greenroom {__version__}")
        raise typer.Exit


@app.callback()
def begin(
    ctx: typer.Context,
    url: Annotated[
        str | None,
        typer.Option("--url", envvar="GREENROOM_URL", help=f"The server; default: the saved one, else {DEFAULT_URL}."),
    ] = None,
    key: Annotated[
        str | None, typer.Option("--api-key", envvar="GREENROOM_API_KEY", help="The API key; default: the saved one.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", envvar="GREENROOM_CONFIG", help="File that holds the saved login.")
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Greenroom: draft, publish, promote and roll back conversational AI agents."""
    around = ctx.obj if isinstance(ctx.obj, Surroundings) else Surroundings()
    ctx.obj = Session(config or Path(typer.get_app_dir("greenroom")) / "login.json", url, key, around)
    ctx.call_on_close(ctx.obj.close)


@app.command()
def login(
    ctx: typer.Context,
    url: Annotated[
        str | None, typer.Argument(metavar="[URL]", help="The server; default: --url, or the saved one.")
    ] = None,
    key: Annotated[str | None, typer.Option("--api-key", help="The API key; asked for where none is given.")] = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Saves a server, a key and a project. Asks the server first who you are."""
    session = open_session(ctx, as_json)
    session.go_to(url, key)
    if session.login.key is None:
        if not session.interactive:
            raise typer.BadParameter("give a key with --api-key or GREENROOM_API_KEY")
        session.go_to(None, typer.prompt("API key", hide_input=True, err=True))
    me = session.client.me()
    if project is not None:
        project = session.client.projects.load(project).slug
    chosen = session.login
    save_login(session.config, Login(chosen.url, chosen.key, project or chosen.project))
    if not session.answer(me):
        output.say(f"saved: {me.name} ({me.role}) at {chosen.url}, in {session.config}")


@app.command()
def status(
    ctx: typer.Context,
    directory: Annotated[
        Path | None, typer.Argument(metavar="[DIR]", help="A pulled folder; default: the nearest one upwards.")
    ] = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Shows a pulled folder against its last pull. Outside one: who you are and what every environment serves."""
    from greenroom.cli.checkouts import find_root

    session = open_session(ctx, as_json)
    root = find_root(directory)
    if root is not None:
        folders.show_status(session, root)
        return
    named = project or session.login.project
    if as_json:
        output.show_json(session.client.environments.list(session.project(named)).page())
        return
    me = session.client.me()
    fields = [("server", session.login.url), ("you", f"{me.name} ({me.role})"), ("project", named or "none chosen")]
    output.show_fields(fields)
    if named:
        environments.show_list(session.client.environments.list(named).page().items)


app.command("init")(folders.init)
app.command("pull")(folders.pull)
app.command("push")(folders.push)
app.command("validate")(folders.validate)
app.add_typer(projects.app, name="projects")
app.command("import")(projects.import_folder)
app.command("export")(projects.export)
app.add_typer(content.app, name="content")
app.add_typer(environments.app, name="env")
drafts.app.add_typer(checkpoints.app, name="checkpoint")
app.add_typer(drafts.app, name="draft")
app.command("publish")(releases.publish)
app.command("promote")(releases.promote)
app.command("rollback")(releases.roll_back)
app.command("merge")(merges.merge)
app.command("readiness")(readiness.check)
app.command("releases")(releases.list_releases)
app.add_typer(versions.app, name="versions")
app.command("compare")(versions.compare)
app.command("diff")(diffs.diff)
app.command("resolve")(traffic.resolve)
app.add_typer(numbers.app, name="numbers")
app.add_typer(splits.app, name="split")
app.command("why")(splits.why)
app.add_typer(testers.app, name="testers")
app.add_typer(share_links.app, name="share-links")
app.command("bundle")(traffic.load_bundle)
app.command("chat")(conversations.chat)
app.add_typer(conversations.app, name="conversations")
app.add_typer(transcripts.app, name="review")
app.add_typer(erasures.app, name="erase")
app.add_typer(tickets.app, name="tickets")
app.add_typer(executions.app, name="executions")
app.add_typer(tables.app, name="tables")
app.add_typer(knowledge.app, name="knowledge")
app.add_typer(secrets.app, name="secrets")
app.add_typer(widgets.app, name="widgets")
app.add_typer(connections.app, name="connections")
app.add_typer(test_runs.app, name="test")
app.add_typer(results.app, name="results")
app.add_typer(evaluations.app, name="evaluations")
app.command("history")(history.list_events)
app.add_typer(history.audit, name="audit")
app.add_typer(keys.app, name="keys")
app.command("serve")(server.serve)
app.command("demo")(server.demo)
app.command("sign-in-link")(server.sign_in_link)
app.command("migrate")(server.migrate)
app.command("backup")(server.backup)
app.command("restore")(server.restore)


def main() -> None:
    """Runs the program."""
    app(prog_name="greenroom")


if __name__ == "__main__":
    main()
