"""Models over real HTTP: a local server that speaks OpenAI's protocol, and no other server ever."""

from __future__ import annotations

import tomllib
from importlib.metadata import metadata
from pathlib import Path
from typing import Any

import httpx2
import pytest

from greenroom.ports import ModelKey
from greenroom.providers.clock import SystemClock
from greenroom.providers.models import EXTRAS, PydanticModels, _library
from greenroom.providers.outbound import SafeTransport, read_allowed
from tests.support.openai_server import ModelServer, Script, model_server

ROOT = Path(__file__).resolve().parents[3]
FACTS: dict[str, Any] = {
    "provider": "openai:gpt-4.1-mini",
    "temperature": 0.2,
    "max_tokens": 99,
    "instructions": "Be kind.",
    "messages": [{"role": "user", "text": "Is there a pool?"}],
    "timeout_ms": 5000,
}
TOOL = {
    "name": "find_room",
    "description": "Finds a room.",
    "parameters": {"type": "object", "properties": {"nights": {"type": "integer"}}},
}


def local() -> PydanticModels:
    """Returns models that can reach this machine alone."""
    return PydanticModels(SystemClock(), lambda: SafeTransport(read_allowed("127.0.0.1")), lambda: 0.0)


async def ask(
    script: Script, *, key: str = "sk-test", stream: list[str] | None = None, **more: Any
) -> tuple[Any, ModelServer]:
    models = local()
    async with model_server(script) as server:
        took = None if stream is None else stream.append
        try:
            answer = await models.answer({**FACTS, **more}, ModelKey(key, server.base_url), took)  # type: ignore[arg-type]
        finally:
            await models.close()
    return answer, server


async def test_a_question_is_answered_with_tokens_and_cost() -> None:
    answer, server = await ask(lambda asked, n: {"text": "Yes, on the roof."})
    assert (answer["text"], answer["calls"], answer["tokens"]) == (
        "Yes, on the roof.",
        [],
        {"input": 120, "output": 30},
    )
    assert answer["cost_usd"] == pytest.approx(120 * 0.4e-6 + 30 * 1.6e-6)
    (asked,) = server.requests
    assert (asked["model"], asked["temperature"]) == ("gpt-4.1-mini", 0.2)
    assert asked.get("max_completion_tokens", asked.get("max_tokens")) == 99
    assert asked["messages"][0]["content"] == "Be kind."
    assert asked["messages"][-1]["content"] == "Is there a pool?"
    assert server.keys == ["Bearer sk-test"]


async def test_words_come_while_they_are_written() -> None:
    pieces: list[str] = []
    answer, server = await ask(lambda asked, n: {"text": "Yes, on the roof."}, stream=pieces)
    assert pieces == ["Yes,", " on", " the", " roof."]
    assert answer["text"] == "Yes, on the roof."
    assert answer["tokens"] == {"input": 120, "output": 30}
    assert server.requests[0]["stream"] is True
    assert 0 < answer["first_ms"] <= answer["ms"]


async def test_tools_are_offered_called_and_answered() -> None:
    answer, server = await ask(
        lambda asked, n: {"calls": [{"name": "find_room", "arguments": {"nights": 2}}]}, tools=[TOOL], stream=[]
    )
    assert answer["calls"] == [{"id": "call_0", "name": "find_room", "arguments": {"nights": 2}}]
    assert server.requests[0]["tools"][0]["function"]["name"] == "find_room"
    history = [
        *FACTS["messages"],
        {"role": "assistant", "text": "Let me see.", "calls": answer["calls"]},
        {"role": "tool", "name": "find_room", "call": "call_0", "text": '{"room": 12}'},
    ]
    _, server = await ask(lambda asked, n: {"text": "Room 12."}, tools=[TOOL], messages=history)
    roles = [message["role"] for message in server.requests[0]["messages"]]
    assert roles[-3:] == ["user", "assistant", "tool"]
    assert server.requests[0]["messages"][-1]["content"] == '{"room": 12}'


async def test_arguments_that_are_no_json_are_kept_as_text() -> None:
    answer, _ = await ask(lambda asked, n: {"calls": [{"name": "find_room", "arguments": "{nights"}]}, tools=[TOOL])
    assert answer["calls"][0]["arguments"] == "{nights"


async def test_a_result_of_a_given_form_is_asked_for() -> None:
    schema = {"type": "object", "properties": {"true": {"type": "boolean"}}, "required": ["true"]}
    reply = {"calls": [{"name": "give_result", "arguments": {"true": False}}]}
    answer, server = await ask(lambda asked, n: reply, schema=schema)
    assert (answer["structured"], answer["calls"]) == ({"true": False}, [])
    assert server.requests[0]["tools"][0]["function"]["parameters"]["properties"] == schema["properties"]


async def test_what_passes_is_tried_again() -> None:
    answer, server = await ask(lambda asked, n: {"status": (429, 503)[n - 1]} if n < 3 else {"text": "ok"})
    assert (answer["text"], len(server.requests)) == ("ok", 3)


@pytest.mark.parametrize(
    "reply, code, tries",
    [
        ({"status": 401}, "auth", 1),
        ({"status": 400}, "refused", 1),
        ({"status": 429}, "rate_limited", 3),
        ({"status": 500}, "unavailable", 3),
        ({"raw": b"not json"}, "bad_answer", 3),
        ({"raw": b'{"choices": []}'}, "bad_answer", 3),
    ],
)
async def test_failures_are_answers_without_keys_or_the_providers_words(
    reply: dict[str, Any], code: str, tries: int
) -> None:
    answer, server = await ask(lambda asked, n: reply)
    assert (answer["error"]["code"], len(server.requests)) == (code, tries)
    assert "sk-test" not in str(answer)
    assert "secret words" not in str(answer)


async def test_slow_models_time_out() -> None:
    answer, _ = await ask(lambda asked, n: {"delay": 3, "text": "late"}, timeout_ms=200)
    assert answer["error"]["code"] == "timed_out"


async def test_a_stream_that_breaks_off_is_not_begun_again() -> None:
    pieces: list[str] = []
    answer, server = await ask(lambda asked, n: {"text": "Yes, on the roof.", "cut": 3}, stream=pieces)
    assert len(server.requests) == 1
    assert "".join(pieces) == answer["text"] == "Yes, on"
    assert answer["error"]["code"] == "bad_answer", "half an answer is not an answer"


async def test_a_stream_that_breaks_off_before_its_first_word_is_begun_again() -> None:
    pieces: list[str] = []
    answer, server = await ask(
        lambda asked, n: {"text": "Yes.", "cut": 1} if n == 1 else {"text": "Yes."}, stream=pieces
    )
    assert (answer["text"], pieces, len(server.requests)) == ("Yes.", ["Yes."], 2)


async def test_the_first_word_is_there_before_the_last_is_written() -> None:
    answer, _ = await ask(lambda asked, n: {"text": "one two three four five six", "pause": 0.05}, stream=[])
    assert answer["text"] == "one two three four five six"
    assert answer["first_ms"] < answer["ms"] - 150


@pytest.mark.parametrize("provider", ["anthropic:claude-haiku-4-5", "nobody:nothing", "openai:gpt-4.1", ""])
async def test_providers_that_are_not_set_up_say_so(provider: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    models = local()
    answer = await models.answer({**FACTS, "provider": provider}, ModelKey())
    assert answer["error"]["code"] in {"not_set_up", "bad_answer"}
    await models.close()


@pytest.mark.parametrize("name", sorted(EXTRAS))
async def test_a_provider_without_its_package_names_the_extra_to_install(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(provider: str) -> Any:
        raise ImportError(f"Please install the `{provider}` package")

    models = local()
    # Whoever has the package installed must see the same.
    monkeypatch.setattr(_library(), "_provider_class", absent)
    answer = await models.answer({**FACTS, "provider": f"{name}:some-model"}, ModelKey("sk-test"))
    await models.close()
    assert answer["error"]["code"] == "package_missing"
    assert f"greenroom[{EXTRAS[name]}]" in answer["error"]["message"]


def test_every_extra_that_is_named_can_be_installed() -> None:
    given = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(given) - {"dev", "bench"} == set(EXTRAS.values())
    known = set(metadata("pydantic-ai-slim").get_all("Provides-Extra") or ())
    for extra in EXTRAS.values():
        (wanted,) = given[extra]
        assert wanted.startswith(f"pydantic-ai-slim[{extra}]")
        assert extra in known


@pytest.mark.parametrize("provider", ["openai:gpt-4.1", "openai-chat:gpt-4.1", "deepseek:deepseek-chat", "test"])
async def test_keys_of_the_servers_own_environment_are_never_used(
    provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with model_server(lambda asked, n: {"text": "paid by the operator"}) as server:
        for name in ("OPENAI_API_KEY", "DEEPSEEK_API_KEY"):
            monkeypatch.setenv(name, "sk-operator")
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        models = local()
        answer = await models.answer({**FACTS, "provider": provider}, ModelKey())
        await models.close()
    assert (answer["error"]["code"], server.requests) == ("not_set_up", [])


@pytest.mark.parametrize(
    "provider, host",
    [
        ("openai:gpt-4.1", "api.openai.com"),
        ("openai-chat:gpt-4.1", "api.openai.com"),
        ("openai-responses:gpt-4.1", "api.openai.com"),
        ("deepseek:deepseek-chat", "api.deepseek.com"),
    ],
)
async def test_every_provider_goes_through_the_transport_that_is_given(
    provider: str, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The transport refuses all, so that nothing leaves this machine whatever a provider's client would do."""
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    asked: list[str] = []

    def refuse(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.url.host)
        raise httpx2.ConnectError("tests reach nobody")

    models = PydanticModels(SystemClock(), lambda: httpx2.MockTransport(refuse), lambda: 0.0)
    answer = await models.answer({**FACTS, "provider": provider, "timeout_ms": 20_000}, ModelKey("sk-test"))
    await models.close()
    assert answer["error"]["code"] == "unavailable"
    assert asked == [host] * 3


async def test_real_providers_cannot_be_reached_from_tests() -> None:
    """Also with a key: the transport of tests knows this machine alone."""

    async def nowhere(host: str, port: int) -> list[str]:
        raise AssertionError(f"{host} was looked up")

    models = PydanticModels(SystemClock(), lambda: SafeTransport(read_allowed("127.0.0.1"), nowhere), lambda: 0.0)
    answer = await models.answer(FACTS, ModelKey("sk-test", "http://10.0.0.1:9/v1"))
    assert "error" in answer
    await models.close()
