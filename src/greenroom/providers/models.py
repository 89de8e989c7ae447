"""Models, asked once: any provider through pydantic-ai, any OpenAI-compatible address.

The tool loop, the history and the record are the engine's; a request here has no memory. pydantic-ai and the
providers' clients are imported with the first request. Every socket goes through the transport that is given, as
far as the provider's client takes one (all OpenAI-compatible ones do). A key is always the project's own: keys in
the server's environment, where providers' clients look for theirs, are never used.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from inspect import signature
from typing import Any

import httpx2

from greenroom.domain.asks import Answer, Streamer, failed
from greenroom.domain.errors import GreenroomError, Refused
from greenroom.ports import Clock, ModelKey

TRIES = 3
FIRST_PAUSE_SECONDS = 0.3
RESULT_TOOL = "give_result"
EXTRAS = {
    "anthropic": "anthropic",
    "bedrock": "bedrock",
    "cohere": "cohere",
    "google": "google",
    "google-cloud": "google",
    "groq": "groq",
    "huggingface": "huggingface",
    "mistral": "mistral",
    "xai": "xai",
}
"""Provider → the extra of Greenroom that brings its client; all others are reached by OpenAI's, which is built in."""


class PydanticModels:
    """`ports.Models` over pydantic-ai. `transport` makes the transport of each client; `jitter` gives 0 to 1."""

    def __init__(
        self,
        clock: Clock,
        transport: Callable[[], httpx2.AsyncBaseTransport] | None = None,
        jitter: Callable[[], float] = lambda: 0.5,
    ) -> None:
        self._clock = clock
        self._transport = transport
        self._jitter = jitter
        self._clients: dict[str, httpx2.AsyncClient] = {}

    async def close(self) -> None:
        """Closes all clients."""
        for client in self._clients.values():
            await client.aclose()
        self._clients.clear()

    async def answer(self, facts: Mapping[str, Any], key: ModelKey, stream: Streamer | None = None) -> Answer:
        """Asks a model; `stream` gets its words while it writes. Never raises for what a provider does."""
        limit = int(facts.get("timeout_ms") or 20_000) / 1000
        told = _Told(stream, self._clock)
        try:
            async with asyncio.timeout(limit):
                return await self._try(facts, key, told)
        except TimeoutError:
            return told.failed("timed_out", f"the model did not answer within {limit:g} s")

    async def _try(self, facts: Mapping[str, Any], key: ModelKey, told: _Told) -> Answer:
        pause = FIRST_PAUSE_SECONDS
        for left in range(TRIES - 1, -1, -1):
            try:
                return await self._ask(facts, key, told)
            except GreenroomError as wrong:
                return told.failed(wrong.code, wrong.detail)
            except _library().known as wrong:
                code, again = _read_error(wrong)
                if not left or not again or told.text:
                    return told.failed(code, _WORDS[code])
            await asyncio.sleep(pause * (0.5 + self._jitter()))
            pause *= 2
        raise AssertionError("the last try returns")

    async def _ask(self, facts: Mapping[str, Any], key: ModelKey, told: _Told) -> Answer:
        library = _library()
        model = self._model(str(facts.get("provider", "")), key)
        messages = _messages(library, facts)
        settings: Any = {name: facts[name] for name in ("temperature", "max_tokens") if facts.get(name) is not None}
        parameters = _parameters(library, facts)
        if told.stream is None or facts.get("schema"):
            response = await library.request(
                model, messages, model_settings=settings or None, model_request_parameters=parameters
            )
        else:
            async with library.stream(
                model, messages, model_settings=settings or None, model_request_parameters=parameters
            ) as events:
                async for event in events:
                    told.take(library.words_of(event))
                response = events.get()
            ended = (response.provider_details or {}).get("finish_reason") or response.usage.output_tokens
            if not ended:
                # A connection that is cut reads as an end, with a made-up reason: providers close with their own,
                # or with what was used.
                raise library.broken_off("the stream ended before the answer did")
        return told.answer(_read(library, response, str(facts.get("provider", ""))))

    def _model(self, provider: str, key: ModelKey) -> Any:
        """Returns a model for a provider's string. Raises UserError where a package or a key is missing."""
        library = _library()
        name, _, model = provider.partition(":")
        if key.base_url or name == "openai":
            base_url = key.base_url or "https://api.openai.com/v1"
            if not key.key and not key.base_url:
                raise library.user_error("no key")
            return library.chat(model, base_url, key.key or "none", self._client(base_url))
        if not key.key or not model:
            raise library.user_error("no key")
        try:
            made = library.infer(provider, key.key, self._client(f"{name}:"))
        except ImportError:
            raise Refused("package_missing", _missing(name)) from None
        return made

    def _client(self, base_url: str) -> httpx2.AsyncClient:
        if base_url not in self._clients:
            transport = self._transport() if self._transport else None
            self._clients[base_url] = httpx2.AsyncClient(transport=transport, trust_env=False, timeout=120)
        return self._clients[base_url]


class _Told:
    """What a model has written so far, and to whom it was passed on."""

    def __init__(self, stream: Streamer | None, clock: Clock) -> None:
        self.stream = stream
        self.text = ""
        self._clock = clock
        self._begun = clock.monotonic_ms()
        self._first: float | None = None

    def take(self, text: str) -> None:
        """Passes a piece on."""
        if not text:
            return
        if self._first is None:
            self._first = self._clock.monotonic_ms()
        self.text += text
        if self.stream is not None:
            self.stream(text)

    def answer(self, facts: Mapping[str, Any]) -> Answer:
        now = self._clock.monotonic_ms()
        return {**facts, "first_ms": round((self._first or now) - self._begun, 3), "ms": round(now - self._begun, 3)}

    def failed(self, code: str, message: str) -> Answer:
        """Returns a failure, with what was written before it."""
        return failed(code, message, round(self._clock.monotonic_ms() - self._begun, 3), text=self.text)


_WORDS = {
    "auth": "the provider does not accept the key",
    "rate_limited": "the provider is asked too often just now",
    "refused": "the provider refused the request",
    "unavailable": "the provider cannot be reached, or is overloaded",
    "bad_answer": "the provider's answer could not be read",
    "not_set_up": "this provider is not set up: it needs a key (a connection of the project) and a name of a model",
}
"""Said without the provider's own words, which may repeat the request."""


def _missing(name: str) -> str:
    """Returns what to install for a provider whose package is not there."""
    extra = EXTRAS.get(name)
    if extra is None:
        return f"the package that '{name[:40]}' is reached by is not installed here"
    return f"the package that {name} is reached by is not installed here: pip install 'greenroom[{extra}]', and restart"


def _read_error(wrong: Exception) -> tuple[str, bool]:
    """Returns a failure's code, and whether to try again."""
    library = _library()
    if isinstance(wrong, library.user_error):
        return "not_set_up", False
    status = getattr(wrong, "status_code", None)
    if status in {401, 403}:
        return "auth", False
    if status == 429:
        return "rate_limited", True
    if isinstance(status, int) and status < 500:
        return "refused", False
    if isinstance(status, int) or isinstance(wrong, library.unreachable):
        return "unavailable", True
    return "bad_answer", True


def _messages(library: _Library, facts: Mapping[str, Any]) -> list[Any]:
    """Returns the history as pydantic-ai has it; instructions go with the last request."""
    made: list[Any] = []
    for message in facts.get("messages") or ():
        role, text = message.get("role"), str(message.get("text", ""))
        if role == "assistant":
            calls = [library.tool_call(each) for each in message.get("calls") or ()]
            made.append(library.response([*([library.text(text)] if text else []), *calls]))
        elif role == "tool":
            part = library.tool_return(str(message.get("name", "")), text, str(message.get("call", "")))
            made.append(library.made_request([part]))
        else:
            made.append(library.made_request([library.user(text)]))
    instructions = str(facts.get("instructions") or "")
    if not made or not isinstance(made[-1], library.made_request):
        made.append(library.made_request([library.user("")]))
    made[-1] = library.made_request(list(made[-1].parts), instructions=instructions or None)
    return made


def _parameters(library: _Library, facts: Mapping[str, Any]) -> Any:
    tools = [
        library.tool(tool["name"], tool.get("parameters") or {"type": "object"}, tool.get("description") or None)
        for tool in facts.get("tools") or ()
    ]
    schema = facts.get("schema")
    if not schema:
        return library.parameters(function_tools=tools)
    result = library.tool(RESULT_TOOL, schema, "Gives the result.")
    return library.parameters(function_tools=tools, output_mode="tool", output_tools=[result], allow_text_output=False)


def _read(library: _Library, response: Any, provider: str) -> dict[str, Any]:
    calls: list[dict[str, Any]] = []
    answer: dict[str, Any] = {}
    for call in response.tool_calls:
        arguments = _arguments(call)
        if call.tool_name == RESULT_TOOL:
            answer["structured"] = arguments
        else:
            calls.append({"id": call.tool_call_id, "name": call.tool_name, "arguments": arguments})
    usage = response.usage
    return {
        **answer,
        "text": response.text or "",
        "calls": calls,
        "tokens": {"input": usage.input_tokens, "output": usage.output_tokens},
        "cost_usd": library.price(response, provider),
        "model": response.model_name or provider.partition(":")[2],
    }


def _arguments(call: Any) -> Any:
    """Returns a call's arguments; what is no JSON object is kept as text, for the engine to refuse."""
    try:
        return call.args_as_dict(raise_if_invalid=True)
    except (ValueError, AssertionError, TypeError):
        return call.args if isinstance(call.args, str) else json.dumps(call.args, default=str)


class _Library:
    """The names that are used of pydantic-ai, imported together."""

    def __init__(self) -> None:
        from openai import OpenAIError
        from pydantic_ai import direct, exceptions, messages
        from pydantic_ai.models import ModelRequestParameters, infer_model
        from pydantic_ai.providers import infer_provider_class
        from pydantic_ai.tools import ToolDefinition

        self.request, self.stream = direct.model_request, direct.model_request_stream
        self.made_request, self.parameters = messages.ModelRequest, ModelRequestParameters
        self.user_error, self.broken_off = exceptions.UserError, exceptions.UnexpectedModelBehavior
        self.unreachable = (exceptions.ModelConnectionError, exceptions.ModelServerError, httpx2.HTTPError)
        self.known: tuple[type[Exception], ...] = (
            exceptions.AgentRunError,
            exceptions.UserError,
            OpenAIError,
            httpx2.HTTPError,
            httpx2.InvalidURL,
            ValueError,
            KeyError,
            AttributeError,
            TypeError,
        )
        self._messages = messages
        self._tool = ToolDefinition
        self._infer_model, self._provider_class = infer_model, infer_provider_class

    def user(self, text: str) -> Any:
        return self._messages.UserPromptPart(text)

    def text(self, text: str) -> Any:
        return self._messages.TextPart(text)

    def tool_call(self, call: Mapping[str, Any]) -> Any:
        return self._messages.ToolCallPart(call["name"], call.get("arguments") or {}, call["id"])

    def tool_return(self, name: str, text: str, call: str) -> Any:
        return self._messages.ToolReturnPart(name, text, call)

    def response(self, parts: Sequence[Any]) -> Any:
        return self._messages.ModelResponse(list(parts))

    def tool(self, name: str, schema: Mapping[str, Any], description: str | None) -> Any:
        return self._tool(name=name, parameters_json_schema=dict(schema), description=description)

    def words_of(self, event: Any) -> str:
        """Returns the text that an event of a stream brings."""
        if isinstance(event, self._messages.PartStartEvent) and isinstance(event.part, self._messages.TextPart):
            return event.part.content
        if isinstance(event, self._messages.PartDeltaEvent) and isinstance(event.delta, self._messages.TextPartDelta):
            return event.delta.content_delta
        return ""

    def chat(self, model: str, base_url: str, key: str, client: httpx2.AsyncClient) -> Any:
        """Returns a model behind an OpenAI-compatible address."""
        from openai import AsyncOpenAI
        from pydantic_ai.models.openai import OpenAIChatModel
        from pydantic_ai.providers.openai import OpenAIProvider

        # Trying again is done here, where it can be counted and bounded.
        made = AsyncOpenAI(base_url=base_url, api_key=key, http_client=client, max_retries=0)
        return OpenAIChatModel(model, provider=OpenAIProvider(openai_client=made))

    def infer(self, provider: str, key: str, client: httpx2.AsyncClient) -> Any:
        """Returns a model of any other provider that pydantic-ai knows and whose package is installed."""

        def made(name: str) -> Any:
            kind = self._provider_class(name)
            taken = signature(kind.__init__).parameters
            if "api_key" not in taken:
                raise self.user_error("it does not sign in by a key")
            # Some clients are still of httpx, which is another library; those open their own sockets.
            words = str(taken["http_client"].annotation) if "http_client" in taken else ""
            through = {"http_client": client} if "httpx2." in words or "OpenAI" in words else {}
            built = kind(**{"api_key": key, **through})
            if hasattr(built.client, "max_retries"):
                built.client.max_retries = 0  # Trying again is done here, once.
            return built

        return self._infer_model(provider, made)

    @staticmethod
    def price(response: Any, provider: str) -> float | None:
        """Returns the price of a response in US dollars where it is known."""
        try:
            return float(response.cost().total_price)
        except (LookupError, AssertionError, ValueError, TypeError, AttributeError):
            return None


@cache
def _library() -> _Library:
    return _Library()
