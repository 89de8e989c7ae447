"""What a running agent reaches: sandbox, models, other servers, and the keys to what is sealed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from greenroom.domain.asks import Answer, Ask, Place, Streamer
from greenroom.domain.errors import Fault


class Outside(Protocol):
    """Everything a turn may reach. Never raises: what fails is an answer with an error."""

    async def answer(self, ask: Ask, place: Place, stream: Streamer | None = None) -> Answer: ...


class Reach(Protocol):
    """What a function in the sandbox may reach while it runs."""

    async def http(self, request: Mapping[str, Any]) -> Answer:
        """Takes {method, url, headers, body | json, timeout_ms}; gives {status, headers, text, json}."""
        ...

    async def table(self, facts: Mapping[str, Any]) -> Answer: ...


class Sandbox(Protocol):
    """Runs functions that users wrote, within limits."""

    async def run(self, facts: Mapping[str, Any], reach: Reach) -> Answer: ...
    async def check(self, name: str, code: str, modules: Mapping[str, str]) -> Sequence[Fault]:
        """Returns what a type check finds wrong, with `/code` pointers and lines."""
        ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class OutboundRequest:
    """One HTTP request to somebody else. `max_bytes` bounds what is read of the answer.

    So many `redirects` are followed, one more is refused; None gives the redirect itself.
    """

    method: str
    url: str
    headers: Sequence[tuple[str, str]] = ()
    body: bytes = b""
    timeout_ms: int = 10_000
    max_bytes: int = 1_000_000
    redirects: int | None = 3


@dataclass(frozen=True, slots=True)
class OutboundResponse:
    """What came back. `url` is the last one after redirects."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes
    url: str
    truncated: bool = False


class Outbound(Protocol):
    """The only way out. Raises Refused `address_refused` for addresses inside, Unavailable when nobody answers."""

    async def fetch(self, request: OutboundRequest) -> OutboundResponse: ...
    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class ModelKey:
    """How to reach a model's provider: its key and, where it is not the provider's own, its address."""

    key: str = field(default="", repr=False)
    base_url: str = ""


class Models(Protocol):
    """Asks a model once; the tool loop is the engine's."""

    async def answer(self, facts: Mapping[str, Any], key: ModelKey, stream: Streamer | None = None) -> Answer: ...
    async def close(self) -> None: ...


class ToolServers(Protocol):
    """Talks to MCP servers. `auth` holds headers with their secrets filled in."""

    async def answer(self, facts: Mapping[str, Any], auth: Mapping[str, str]) -> Answer: ...
    async def close(self) -> None: ...


class Cipher(Protocol):
    """Seals bytes; `about` must be the same to open them. Raises Invalid `unsealable` for foreign bytes."""

    def seal(self, text: bytes, about: str) -> bytes: ...
    def open(self, data: bytes, about: str) -> bytes: ...
    def is_current(self, data: bytes) -> bool:
        """Says whether something was sealed with the key that seals now."""
        ...


class Passwords(Protocol):
    """Hashes passwords slowly, apart from the loop, a few at a time."""

    async def hash(self, password: str) -> str: ...
    async def matches(self, password: str, kept: str | None) -> bool:
        """Says whether a password is the one kept; without one, False after just as long."""
        ...


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a file holds: its text with `#` headings, and where it leads."""

    title: str
    text: str
    links: tuple[str, ...] = ()
    canonical: str = ""
    """The address that a page says is its own."""
    noindex: bool = False
    """Whether a page asks not to be found."""


class Parser(Protocol):
    """Reads files of people and strangers within limits. Raises Invalid for what cannot be read, and nothing else."""

    async def parse(self, data: bytes, mime: str, name: str) -> Parsed: ...
    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Found:
    """One document of another system or a folder, as it was found there. `id` is unique and stays."""

    id: str
    title: str
    uri: str
    mime: str
    data: bytes
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FeedAccess:
    """How to reach another system: its kind, its address, and who asks."""

    provider: str
    base_url: str = ""
    user: str = ""
    key: str = ""


class Feed(Protocol):
    """Another system's documents, one by one. Raises Invalid, Refused or Unavailable, saying where it stopped."""

    def read(self, access: FeedAccess, wanted: str) -> AsyncIterator[Found]: ...


@dataclass(frozen=True, slots=True)
class Reachable:
    """All that a running agent reaches here; None where this installation has no such part."""

    sandbox: Sandbox | None = None
    outbound: Outbound | None = None
    models: Models | None = None
    tool_servers: ToolServers | None = None
    call_tool: Callable[[Mapping[str, Any], Mapping[str, str]], Awaitable[Answer]] | None = None
    """Makes a tool's request: facts, and the values of the secrets that they name."""
    cipher: Cipher | None = None
    parser: Parser | None = None
    passwords: Passwords | None = None
    feeds: Mapping[str, Feed] = field(default_factory=dict[str, Feed])
    """Other systems' documents: by the kind of their connection, and `folder`."""
