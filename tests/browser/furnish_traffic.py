"""A split that has been at work for a while: two arms with results, testers, links, numbers, evaluations."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

from greenroom.domain.evaluations import Evaluation, RunChoice
from greenroom.domain.projects import Project
from greenroom.ports import Writing
from greenroom.services.desk import Desk
from greenroom.services.environment_changes import NewEnvironment
from greenroom.services.numbers import NumberChange, WantedRule
from greenroom.services.splits import KEY, NOUN, ShareRequest, SplitRequest
from greenroom.services.work import Call
from tests.contract.results.talks import environment_id, keep, line, talks
from tests.unit.services.story import Story

NUMBER = "+442079460000"
SPLIT = ({"live": 90, "b": 10}, {"live": 80, "b": 20})


async def furnish_traffic(desk: Desk, call: Call, text: str) -> None:
    """Lets an environment B take a fifth of Live's callers for ten days."""
    await desk.environment_changes.create(call, "hotel", NewEnvironment("B", "b", "live", editable=False))
    for number, weights in enumerate(SPLIT):
        shares = [ShareRequest(alias, weight) for alias, weight in weights.items()]
        note = f"Step {number + 1}: {text}"[:200]
        await desk.splits.set(call, "hotel", SplitRequest(shares, None, note), str(number) if number else "*")
    await _talk_for_ten_days(desk, call)
    await desk.testers.add(call, "hotel", "b", user_id="ada-lovelace", caller=None, label=text[:100])
    await desk.testers.add(call, "hotel", "pre-release", user_id=None, caller="+44 7700 900123", label="QA")
    soon = desk.clock.now() + timedelta(days=7)
    for label in (text[:100], "Front desk"):
        link = await desk.share_links.create(call, "hotel", "b", soon, label)
    await desk.share_links.revoke(call, "hotel", link.link.id)
    rules = [
        WantedRule("X-Test-Line", "exact", ("yes",), "b"),
        WantedRule("X-Version", "one_of", ("1", "v1"), None, 1),
    ]
    await desk.numbers.add(call, "hotel", NUMBER, NumberChange("", text[:100], rules))
    await desk.numbers.add(call, "hotel", "+442079460001", NumberChange("sandbox", "Tests"))
    await desk.numbers.add(call, "hotel", "+442079460002", NumberChange("live", "Groups"))
    await _evaluate(desk, call, text)


def list_traffic_pages(base: str) -> dict[str, str]:
    """Returns the pages of traffic, results, evaluations and numbers, by the names of their pictures."""
    return {
        "traffic": f"{base}/traffic",
        "traffic-results": f"{base}/traffic/results",
        "traffic-again": f"{base}/traffic?again=1&days=30",
        "traffic-restart": f"{base}/traffic/restart",
        "traffic-history": f"{base}/traffic/history",
        "traffic-why": f"{base}/traffic/why",
        "testers": f"{base}/traffic/testers",
        "share-links": f"{base}/traffic/share-links",
        "results": f"{base}/results?by=both",
        "results-compare": f"{base}/results?one=live&other=b&days=30",
        "analytics": f"{base}/analytics",
        "evaluations": f"{base}/evaluations",
        "evaluation": f"{base}/evaluations/quick",
        "evaluation-edit": f"{base}/evaluations/polite/edit",
        "numbers": f"{base}/numbers",
        "number": f"{base}/numbers/{NUMBER}",
    }


async def _evaluate(desk: Desk, call: Call, text: str) -> None:
    quick = Evaluation("quick", text[:200], rules="turns <= 4 && outcome == 'contained'")
    await desk.evaluations.save(call, "hotel", quick, "*")
    model = Evaluation("polite", judge="model", question=text[:200] + "?", provider="openai:gpt-4.1-mini")
    await desk.evaluations.save(call, "hotel", model, "*")
    await desk.evaluations.run(call, "hotel", "quick", RunChoice(limit=5_000))
    project = (await desk.projects.load(call, "hotel")).project
    await desk.evaluations.wait(project.id, "quick")


async def _talk_for_ten_days(desk: Desk, call: Call) -> None:
    """Puts conversations of two arms into the last ten days, and the split's last change before them."""
    story, now, dice = Story(desk, call.principal), desk.clock.now(), random.Random(7)
    project: Project = (await desk.projects.load(call, "hotel")).project

    def age(tx: Writing) -> None:
        found = tx.find_record(project.id, NOUN, KEY)
        assert found is not None
        tx.put_record(replace(found, changed_at=now - timedelta(days=11)))

    await desk.store.write(call.workspace, age)
    for seed, (alias, count, rate) in enumerate([("live", 480, 0.66), ("b", 120, 0.84)]):
        begun = talks(project, await environment_id(story, alias), count, rate, now, seed, entry={"by": "split"})
        turns = [
            line(one, 1, "Hello", "Good evening.", trace={"latency_ms": {"total": 80 + 900 * dice.random() ** 4}})
            for one in begun
        ]
        await keep(story, begun, turns)
