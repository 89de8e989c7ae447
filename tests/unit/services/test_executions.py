"""Executions: one record for each call of a turn, bounded, found by conversation, kind and failure."""

from __future__ import annotations

from datetime import timedelta

import pytest

from greenroom.domain.canonical import canonical_json
from greenroom.domain.errors import NotFound
from greenroom.services import executions
from greenroom.services.executions import MAX_BYTES, executions_of
from tests.unit.services.data import NOW, make_hotel, talk
from tests.unit.services.story import begin

ASKS = [
    {
        "to": "function",
        "facts": {"function": "book", "code": "secret code", "conv": {"caller": "+44"}, "arguments": {"nights": 2}},
        "answer": {"result": {"ok": True, "big": 2**70, "odd": float("nan")}, "ms": 1.23456},
    },
    {"to": "model", "facts": {"provider": "openai:x", "messages": 3}, "answer": {"text": "y" * 9_000, "ms": 2}},
    {"to": "tool", "facts": {"tool": "pay"}, "answer": {"error": {"code": "timeout", "message": "late\0"}, "ms": 9}},
]


async def test_calls_are_listed_newest_first_and_narrowed() -> None:
    story = await begin()
    await make_hotel(story)
    one, two = await talk(story, "hello"), await talk(story, "hello")
    records = [*executions_of(one, 1, ASKS, NOW), *executions_of(two, 1, ASKS, NOW + timedelta(seconds=1))]
    await story.desk.store.write(story.owner.workspace, lambda tx: [tx.put_record(each, 0) for each in records])
    verbs = story.desk.executions

    async def names(before=None, limit=10, **how):
        found, after = await verbs.list(story.call("viewer"), "hotel", before, limit, **how)
        return [record.body["name"] for record in found], after

    assert await names() == (["pay", "openai:x", "book"] * 2, None)
    assert await names(conversation=one.id, kind="model") == (["openai:x"], None)
    assert await names(failed=True) == (["pay", "pay"], None)
    assert await names(failed=False, kind="tool") == ([], None)
    shown, after = await names(limit=2)
    assert shown == ["pay", "openai:x"]
    assert await names(after, 9, conversation=two.id) == (["book"], None)
    with pytest.raises(NotFound):
        await names(conversation="cnv_none")


async def test_a_narrowed_list_goes_on_where_it_stopped_looking(monkeypatch: pytest.MonkeyPatch) -> None:
    story = await begin()
    await make_hotel(story)
    conversation = await talk(story, "hello")
    records = executions_of(conversation, 1, [*ASKS[2:], *ASKS[:1] * 30], NOW)
    await story.desk.store.write(story.owner.workspace, lambda tx: [tx.put_record(each, 0) for each in records])
    monkeypatch.setattr(executions, "SCANNED", 10)
    found, after, pages = [], None, 0
    while pages == 0 or after is not None:
        page, after = await story.desk.executions.list(story.call(), "hotel", after, 4, failed=True)
        found += page
        pages += 1
    assert [record.body["name"] for record in found] == ["pay"]
    assert pages > 2


def test_a_record_is_bounded_and_holds_no_code_or_state() -> None:
    class Talk:
        id, project = "cnv_1", "prj_1"

    for record in executions_of(Talk(), 3, ASKS, NOW):  # type: ignore[arg-type]
        text = canonical_json(record.body).decode()
        assert len(text) < 2 * MAX_BYTES + 2_000
        assert "secret code" not in text
        assert "+44" not in text
        assert record.owner == "cnv_1"
    model = executions_of(Talk(), 3, ASKS, NOW)[1]  # type: ignore[arg-type]
    assert model.body["answer"]["cut"] is True
