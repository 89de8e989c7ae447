"""Verbs written once and had twice: each builds a call, which one client sends and the other awaits."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from greenroom.sdk.exchange import Call
from greenroom.sdk.turns import StreamedEvent
from greenroom.wire.model import Page

T = TypeVar("T")
P = ParamSpec("P")


class Blocking(ABC):
    """A client whose verbs return values."""

    @abstractmethod
    def send(self, call: Call[T]) -> T:
        """Sends a call and returns what the reply holds."""

    @abstractmethod
    def stream(self, call: Call[tuple[StreamedEvent, ...]]) -> Iterator[StreamedEvent]:
        """Sends a call and yields the events of its reply."""


class Awaiting(ABC):
    """A client whose verbs return awaitables."""

    @abstractmethod
    async def send(self, call: Call[T]) -> T:
        """Sends a call and returns what the reply holds."""

    @abstractmethod
    def stream(self, call: Call[tuple[StreamedEvent, ...]]) -> AsyncIterator[StreamedEvent]:
        """Sends a call and yields the events of its reply."""


S_co = TypeVar("S_co", bound=Blocking | Awaiting, covariant=True)


class Noun(Generic[S_co]):
    """What verbs hang on."""

    def __init__(self, sender: S_co) -> None:
        self._sender = sender


class Verb(Generic[P, T]):
    """A verb with one answer. Decorates the method that builds its call."""

    def __init__(self, build: Callable[Concatenate[Any, P], Call[T]]) -> None:
        self._build = build
        self.__doc__ = build.__doc__

    @overload
    def __get__(self, noun: Noun[Blocking], owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, noun: Noun[Awaiting], owner: type) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(self, noun: Any, owner: type) -> Any:
        def send(*args: P.args, **kwargs: P.kwargs) -> Any:
            return noun._sender.send(self._build(noun, *args, **kwargs))

        send.__doc__ = self.__doc__
        return send


class Listing(Generic[T]):
    """A list on the server: iterate over all of it, or take `page` for the one that was asked for."""

    def __init__(self, sender: Blocking, build: Callable[..., Call[Page[T]]], given: dict[str, Any]) -> None:
        self._sender, self._build, self._given = sender, build, given

    def page(self) -> Page[T]:
        """Returns one page."""
        return self._sender.send(self._build(**self._given))

    def __iter__(self) -> Iterator[T]:
        page = self.page()
        yield from page.items
        while page.next_cursor:
            page = self._sender.send(self._build(**{**self._given, "cursor": page.next_cursor}))
            yield from page.items


class AsyncListing(Generic[T]):
    """A list on the server: iterate over all of it with `async for`, or await `page`."""

    def __init__(self, sender: Awaiting, build: Callable[..., Call[Page[T]]], given: dict[str, Any]) -> None:
        self._sender, self._build, self._given = sender, build, given

    async def page(self) -> Page[T]:
        """Returns one page."""
        return await self._sender.send(self._build(**self._given))

    async def __aiter__(self) -> AsyncIterator[T]:
        page = await self.page()
        for item in page.items:
            yield item
        while page.next_cursor:
            page = await self._sender.send(self._build(**{**self._given, "cursor": page.next_cursor}))
            for item in page.items:
                yield item


class ListVerb(Generic[P, T]):
    """A verb that lists. Its method takes `cursor` and `limit` besides its own arguments."""

    def __init__(self, build: Callable[Concatenate[Any, P], Call[Page[T]]]) -> None:
        self._build = build
        self.__doc__ = build.__doc__

    @overload
    def __get__(self, noun: Noun[Blocking], owner: type) -> Callable[P, Listing[T]]: ...
    @overload
    def __get__(self, noun: Noun[Awaiting], owner: type) -> Callable[P, AsyncListing[T]]: ...
    def __get__(self, noun: Any, owner: type) -> Any:
        def list_all(*args: P.args, **kwargs: P.kwargs) -> Any:
            def build(**given: Any) -> Call[Page[T]]:
                return self._build(noun, *args, **given)

            sender = noun._sender
            if isinstance(sender, Blocking):
                return Listing(sender, build, dict(kwargs))
            return AsyncListing(sender, build, dict(kwargs))

        list_all.__doc__ = self.__doc__
        return list_all


class StreamVerb(Generic[P]):
    """A verb whose answer comes piece by piece."""

    def __init__(self, build: Callable[Concatenate[Any, P], Call[tuple[StreamedEvent, ...]]]) -> None:
        self._build = build
        self.__doc__ = build.__doc__

    @overload
    def __get__(self, noun: Noun[Blocking], owner: type) -> Callable[P, Iterator[StreamedEvent]]: ...
    @overload
    def __get__(self, noun: Noun[Awaiting], owner: type) -> Callable[P, AsyncIterator[StreamedEvent]]: ...
    def __get__(self, noun: Any, owner: type) -> Any:
        def stream(*args: P.args, **kwargs: P.kwargs) -> Any:
            return noun._sender.stream(self._build(noun, *args, **kwargs))

        stream.__doc__ = self.__doc__
        return stream
