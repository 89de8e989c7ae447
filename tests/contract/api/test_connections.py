"""Connections through the API: saved by revision, never holding a secret, found by what agents' models need."""

from __future__ import annotations

from typing import Any

import pytest

from greenroom.domain.connections import Connection, choose_connection, provider_of
from greenroom.domain.errors import Refused
from tests.contract.api.test_secrets import begin, place_of
from tests.support.api import PREFIX, good, make_stage, nothing_written, problem

P = f"{PREFIX}/projects/hotel"
OPENAI = f"{P}/connections/openai"
NEW = {"If-Match": "*"}
BODY = {"kind": "model", "provider": "openai", "base_url": "https://models.example/v1/", "secret": "MODEL_KEY"}


async def test_a_connection_is_saved_by_the_revision_that_was_seen() -> None:
    stage = await make_stage()
    async with stage.client() as client:
        await begin(client)
        problem(await client.put(OPENAI, json=BODY), 428, "precondition_required")
        made = await client.put(OPENAI, json=BODY, headers=NEW)
        assert good(made)["base_url"] == "https://models.example/v1"
        assert made.headers["etag"] == '"1"'
        seen = problem(await client.put(OPENAI, json=BODY, headers=NEW), 412, "stale_revision")
        assert seen["present"]["revision"] == 1
        changed = good(await client.put(OPENAI, json={**BODY, "settings": {"org": "x"}}, headers={"If-Match": '"1"'}))
        assert (changed["revision"], changed["settings"]) == (2, {"org": "x"})
        problem(await client.put(OPENAI, json=BODY, headers={"If-Match": '"1"'}), 412, "stale_revision")
        assert good(await client.get(OPENAI)) == changed
        assert [each["slug"] for each in good(await client.get(f"{P}/connections"))["items"]] == ["openai"]
        problem(await client.delete(OPENAI, headers={"If-Match": '"1"'}), 412, "stale_revision")
        assert (await client.delete(OPENAI, headers={"If-Match": '"2"'})).status_code == 204
        problem(await client.get(OPENAI), 404, "connection_not_found")
        said = [event["summary"] for event in good(await client.get(f"{P}/history"))["items"]][:3]
        assert said == [f"home_owner {what} the connection openai" for what in ("removed", "saved", "saved")]


@pytest.mark.parametrize(
    "wrong, pointer",
    [
        ({"kind": ""}, "/kind"),
        ({"kind": "Model!"}, "/kind"),
        ({"provider": "Open AI"}, "/provider"),
        ({"base_url": "ftp://x"}, "/base_url"),
        ({"base_url": "https://user:pass@x/"}, "/base_url"),
        ({"base_url": "https://x/?key=1"}, "/base_url"),
        ({"base_url": "https://"}, "/base_url"),
        ({"secret": "sk-abcdef0123456789"}, "/secret"),
        ({"settings": {"api_key": "sk-abcdef0123456789"}}, "/settings/api_key"),
        ({"settings": {"Client-Secret": "k"}}, "/settings/Client-Secret"),
        ({"settings": {"x": "y" * 17_000}}, "/settings"),
    ],
)
async def test_what_cannot_be_a_connection_is_refused_without_repeating_it(wrong: dict[str, Any], pointer: str) -> None:
    stage = await make_stage()
    async with stage.client() as client:
        await begin(client)
        async with nothing_written(stage):
            reply = await client.put(OPENAI, json={**BODY, **wrong}, headers=NEW)
        assert [fault["pointer"] for fault in problem(reply, 422, "invalid_connection")["errors"]] == [pointer]
        assert "sk-abc" not in reply.text


async def test_settings_about_tokens_that_are_no_secrets_are_kept() -> None:
    stage = await make_stage()
    async with stage.client() as client:
        await begin(client)
        body = {**BODY, "settings": {"max_tokens": 400, "tokens": ""}}
        assert good(await client.put(OPENAI, json=body, headers=NEW))["settings"] == {"max_tokens": 400, "tokens": ""}


async def test_a_models_key_is_found_by_name_and_by_provider() -> None:
    stage = await make_stage()
    async with stage.client() as client:
        place = place_of(await begin(client), "live", "live")
        find = stage.desk.connections.find_model_key
        assert (await find(place, "", "openai:gpt-4.1")).key == ""
        good(await client.put(OPENAI, json=BODY, headers=NEW))
        with pytest.raises(Refused, match="MODEL_KEY in live"):
            await find(place, "", "openai:gpt-4.1")
        good(await client.put(f"{P}/secrets/MODEL_KEY", json={"value": "sk-1"}))
        good(await client.put(f"{P}/secrets/MODEL_KEY/overrides/live/live", json={"value": "sk-live"}))
        for name, model in (("", "openai:gpt-4.1"), ("openai", "openai-responses:gpt-4.1")):
            found = await find(place, name, model)
            assert (found.key, found.base_url) == ("sk-live", "https://models.example/v1")
        assert (await find(place, "", "anthropic:claude")).key == ""
        with pytest.raises(Refused, match="is to openai, not to anthropic"):
            await find(place, "openai", "anthropic:claude")
        with pytest.raises(Refused, match="no connection 'none'"):
            await find(place, "none", "openai:gpt-4.1")
        desk = {"kind": "zendesk", "secret": "MODEL_KEY"}
        good(await client.put(f"{P}/connections/desk", json=desk, headers=NEW))
        with pytest.raises(Refused, match="is to zendesk"):
            await find(place, "desk", "zendesk:x")


def test_a_connection_that_says_whose_it_is_goes_first() -> None:
    known = [Connection("b-any", "model"), Connection("c", "model", "openai"), Connection("d", "model", "openai")]
    assert choose_connection(known, provider_of("OpenAI:gpt")) == known[1]
    assert choose_connection(known, "anthropic") == known[0]
    assert choose_connection(known[1:], "openaix") is None
