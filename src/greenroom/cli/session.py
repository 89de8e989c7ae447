"""What a command works with: the server it speaks to, the project it means, how it answers."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from greenroom.cli import output
from greenroom.cli.config import Login, choose_login, load_login
from greenroom.domain.errors import Missing, NotFound

if TYPE_CHECKING:
    from greenroom.sdk import Client
    from greenroom.wire.environments import EnvironmentOut
    from greenroom.wire.model import Out


@dataclass(slots=True)
class Surroundings:
    """What a test replaces: the transport, the clock, and whether somebody sits at the terminal."""

    transport: Any = None
    clock: Any = None
    interactive: bool | None = None


@dataclass
class Session:
    """One run of the program."""

    config: Path
    url: str | None = None
    key: str | None = None
    around: Surroundings = field(default_factory=Surroundings)
    as_json: bool = False
    notices: list[str] = field(default_factory=list[str])
    """What the server told beside its answers, said when the program ends."""

    @cached_property
    def login(self) -> Login:
        """Returns where to go and as whom."""
        return choose_login(load_login(self.config), self.url, self.key)

    @cached_property
    def client(self) -> Client:
        """Returns the connection to the server, made on first use."""
        from greenroom.sdk import Client

        return Client(
            self.login.url,
            self.login.key,
            transport=self.around.transport,
            clock=self.around.clock,
            tell=self.notices.append,
        )

    def go_to(self, url: str | None, key: str | None) -> None:
        """Takes a server or a key that a command names itself; None leaves what is."""
        self.url, self.key = url or self.url, key or self.key
        self.__dict__.pop("login", None)

    def close(self) -> None:
        """Closes the connection where one was made, and says what the server told besides."""
        client = self.__dict__.get("client")
        if client is not None:
            client.close()
        for text in self.notices:
            output.say(f"warning: {text}")

    @property
    def interactive(self) -> bool:
        """Says whether a question can be asked."""
        if self.around.interactive is not None:
            return self.around.interactive and not self.as_json
        return sys.stdin.isatty() and sys.stdout.isatty() and not self.as_json

    def project(self, given: str | None) -> str:
        """Returns the project that a command means."""
        named = given or self.login.project
        if not named:
            raise typer.BadParameter("say which project with --project, or save one with `greenroom login --project`")
        return named

    def environment(self, project: str, alias: str | None) -> EnvironmentOut:
        """Reads an environment as it is now; without a name, the first editable one."""
        if alias is not None:
            return self.client.environments.load(project, alias)
        for found in self.client.environments.list(project):
            if found.editable:
                return found
        raise NotFound("no_editable_environment", f"no environment of {project} can be edited")

    def answer(self, reply: Out) -> bool:
        """Prints the reply as JSON where that was asked for; says whether it did."""
        if self.as_json:
            output.show_json(reply)
        return self.as_json

    def end_of_page(self, next_cursor: str | None) -> None:
        """Says how to go on where a list has more."""
        if next_cursor and not self.as_json:
            output.say(f"more: --cursor {next_cursor}")


def open_session(ctx: typer.Context, as_json: bool = False) -> Session:
    """Returns this run's session, from now on answering as the command was asked to."""
    session = ctx.find_object(Session)
    assert session is not None, "the root command makes it"
    session.as_json = as_json
    return session


def repeated(ctx: typer.Context, **more: str) -> str:
    """Returns the command as it was typed, with some options set: what to paste to run it again."""
    words = ["greenroom", *ctx.command_path.split()[1:]]
    for param in ctx.command.params:
        source = ctx.get_parameter_source(param.name or "")
        if param.name in more or source is None or source.name != "COMMANDLINE":
            continue
        words += _typed(param, ctx.params[param.name or ""])
    for name, value in more.items():
        words += [f"--{name.replace('_', '-')}", value]
    return shlex.join(words)


def with_repeat(ctx: typer.Context, missing: Missing, seq: int) -> Missing:
    """Returns the refusal with the command that confirms: the person's to paste, never the program's to run."""
    subject = missing.extra.get("version") or missing.extra.get("digest")
    if missing.code != "confirmation_required" or subject is None:
        return missing
    confirm = f"v{subject}" if isinstance(subject, int) else str(subject)
    command = repeated(ctx, confirm=confirm, expected_seq=str(seq))
    return Missing(missing.code, missing.detail, errors=missing.errors, extra={**missing.extra, "repeat": command})


def _typed(param: Any, value: Any) -> Sequence[str]:
    values = value if isinstance(value, list | tuple) else [value]
    if param.param_type_name == "argument":
        return [str(each) for each in values]
    name = max(param.opts, key=len)
    if isinstance(value, bool):
        return [name] if value else []
    return [word for each in values for word in (name, str(each))]
