"""Reliability check 42: whatever the document allows, and much that it does not, is answered as the document says."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from greenroom.api.app import lay_out
from tests.conftest import PROFILE
from tests.support.api import (
    HOME,
    PREFIX,
    Stage,
    archive,
    fill,
    fill_data,
    good,
    key_of,
    lay_split,
    make_stage,
    run_tests,
)

ARCHIVES = st.binary(max_size=200) | st.dictionaries(
    st.sampled_from(["greenroom.yaml", "topic/a.yaml", "../b", "agent/main.yaml", "x"]), st.binary(max_size=60)
).map(archive)
for media_type in ("application/zip", "application/gzip"):
    schemathesis.openapi.media_type(media_type, ARCHIVES)

EXAMPLES = 300 if PROFILE == "long" else 6
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
OPERATIONS = [(method.upper(), path) for path, methods in lay_out().openapi()["paths"].items() for method in methods]
ENDS_ITS_OWN_STAGE = {
    ("DELETE", f"{PREFIX}/projects/{{project}}"),
    ("DELETE", f"{PREFIX}/projects/{{project}}/tables/{{table}}"),
    ("DELETE", f"{PREFIX}/api-keys/{{id}}"),
    ("POST", f"{PREFIX}/conversations/{{id}}/erase"),
}
"""Known names are not put into these: the next example would find nothing left."""


class Fixed:
    """One stage for the whole module, made when it is first asked for."""

    stage: Stage | None = None
    ids: dict[str, str] = {}
    schema: Any = None


def fixed() -> Any:
    if Fixed.stage is None:

        async def make() -> None:
            Fixed.stage = await make_stage()
            async with Fixed.stage.client() as client:
                Fixed.ids = await fill(client, "hotel")
                hotel = f"{PREFIX}/projects/hotel"
                good(await client.put(f"{hotel}/secrets/KEY", json={"value": "v"}))
                new = {"If-Match": "*"}
                good(await client.put(f"{hotel}/connections/openai", json={"kind": "model"}, headers=new))
                number = {"number": "+442079460000", "default_entry": True}
                good(await client.post(f"{hotel}/numbers", json=number))
                text = {"id": "sauna", "text": "The sauna is hot."}
                good(await client.post(f"{hotel}/knowledge/documents", json=text))
                rules = {"judge": "rules", "rules": "turns > 1"}
                good(await client.put(f"{hotel}/evaluations/polite", json=rules, headers=new))
                place = f"{PREFIX}/projects/hotel/content/topic/late-checkout?ref=live"
                Fixed.ids |= await fill_data(client, Fixed.ids) | await lay_split(client, "hotel")
                kept = await client.post(f"{hotel}/environments/sandbox/draft/checkpoints", json={"name": "Lunch"})
                Fixed.ids["checkpoint"] = good(kept)["id"]
                Fixed.ids["run"] = (await run_tests(client, "hotel", ref="live"))["id"]
                Fixed.ids["revision"] = good(await client.get(place))["revision"]

        asyncio.run(make())
        assert Fixed.stage is not None
        Fixed.schema = schemathesis.openapi.from_asgi(f"{PREFIX}/openapi.json", Fixed.stage.app)
    return Fixed.schema


def known(ids: dict[str, str]) -> dict[str, list[str]]:
    return {
        "project": ["hotel"],
        "alias": ["sandbox", "pre-release", "live"],
        "kind": ["topic", "agent"],
        "slug": ["late-checkout", "breakfast", "main", "openai"],
        "name": ["KEY"],
        "side": ["live", "draft"],
        "number": ["1"],
        "phone": ["+442079460000"],
        "digest": [ids["digest"]],
        "id": [ids["conversation"]],
        "run": [ids["run"]],
        "checkpoint": [ids["checkpoint"]],
        "document": ["sauna"],
        "widget": ["default"],
        "table": ["rooms"],
        "evaluation": ["polite"],
        "tag": ["vip"],
        "ticket": [ids["ticket"]],
        "tester": [ids["tester"]],
        "link": [ids["link"]],
    }


@pytest.mark.parametrize("method, path", OPERATIONS, ids=[f"{m} {p.removeprefix(PREFIX)}" for m, p in OPERATIONS])
def test_no_request_breaks_an_operation(method: str, path: str) -> None:
    operation = fixed()[path][method]
    names = known(Fixed.ids)

    @given(data=st.data())
    @settings(
        max_examples=EXAMPLES,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    )
    def run(data: st.DataObject) -> None:
        mode = data.draw(st.sampled_from([GenerationMode.POSITIVE, GenerationMode.NEGATIVE]))
        try:
            case = data.draw(operation.as_strategy(generation_mode=mode))
        except schemathesis.errors.SchemathesisError:
            # Nothing wrong can be said to an operation that takes nothing.
            assume(False)
            raise
        if (method, path) not in ENDS_ITS_OWN_STAGE:
            for name in case.path_parameters or {}:
                if data.draw(st.integers(0, 3)):
                    case.path_parameters[name] = data.draw(st.sampled_from(names[name]))
        headers = {"Authorization": f"Bearer {key_of(HOME, 'owner')}"}
        if method in ("PUT", "PATCH", "DELETE") and data.draw(st.booleans()):
            headers["If-Match"] = data.draw(st.sampled_from(["*", f'"{Fixed.ids["revision"]}"']))
        response = case.call(headers=headers)
        case.validate_response(response, checks=CHECKS)

    run()


def test_every_operation_was_asked() -> None:
    assert {
        (method.upper(), path) for path, methods in fixed().raw_schema["paths"].items() for method in methods
    } == set(OPERATIONS)
