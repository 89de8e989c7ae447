"""The guide to test sets says what there is, and its example holds."""

from __future__ import annotations

import re
from pathlib import Path

from greenroom.domain.entities import Address
from greenroom.kinds import KINDS
from greenroom.runtime.expectations import CHECKS
from greenroom.runtime.mocks import KEYS
from greenroom.wire.yaml_text import load
from tests.support.agents import hotel
from tests.support.plays import play_case

GUIDE = (Path(__file__).parents[3] / "docs" / "guides" / "test-sets.md").read_text("utf-8")


def test_every_expectation_and_every_mock_is_in_the_guide() -> None:
    rows = [line.split("|")[1] for line in GUIDE.splitlines() if line.startswith("| `")]
    assert {key for row in rows for key in re.findall(r"`(\w+)`", row)} == set(CHECKS)
    said = GUIDE.partition("## Mocks")[2].partition("A test touches nothing")[0]
    assert set(KEYS) - {"allow_real"} <= set(re.findall(r"`(\w+)`", said))
    assert "allow_real: true" in GUIDE


async def test_the_example_is_a_valid_test_set_that_passes_on_the_demo_agent() -> None:
    example = GUIDE.partition("```yaml\n")[2].partition("```")[0]
    body = KINDS["test_set"].complete(load(example.encode(), "example.yaml").value)
    (case,) = body["cases"]
    agent = {address: body for address, body in hotel("v3").items() if address != Address("test_set", "smoke")}
    played = await play_case(agent, case)
    assert played.status == "passed", played
