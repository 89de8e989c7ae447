"""Documents and searches, over every store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from greenroom.domain.canonical import Digest
from greenroom.domain.errors import Invalid, Missing, NotAllowed, NotFound, Stale
from greenroom.domain.knowledge import Edit, changed_since, digest_of_text, digests_for
from greenroom.ports import Store
from greenroom.runtime.passages import build_passages
from greenroom.runtime.postings import NEW
from greenroom.services import knowledge_retrieval
from greenroom.services.desk import Desk
from greenroom.services.knowledge_contents import collect_contents, load_digests, load_text
from greenroom.services.publishing import PublishRequest
from greenroom.storage.memory import MemoryStore
from greenroom.storage.sql import migrate, open_store
from tests.support.knowledge import list_in_draft, telling
from tests.unit.services.story import Story

POOL = "# Pool\n\nThe pool is open from seven in the morning until ten at night."
SAUNA = "# Sauna\n\nThe sauna is heated on request; ask at the reception an hour before."


@pytest.fixture(params=["memory", "sqlite", "postgres"])
async def story(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Story]:
    store: Store = MemoryStore()
    if request.param != "memory":
        sqlite = f"sqlite:///{tmp_path / 'greenroom.db'}"
        url = sqlite if request.param == "sqlite" else request.getfixturevalue("postgres_url")
        await migrate(url)
        store = await open_store(url)
    async with telling(store) as told:
        yield told
    await store.close()


async def put(story: Story, id_: str, text: str, if_match: str | None = "*", **more: object):
    edit = replace(Edit(id_, text), **more)
    return await story.desk.knowledge.put_document(story.call(), "hotel", edit, if_match)


async def find(story: Story, query: str, ref: str = "draft:sandbox"):
    return await story.desk.knowledge.search(story.call(), "hotel", ref, query)


async def publish(story: Story) -> None:
    request = PublishRequest(note="The house's documents are listed")
    await story.desk.publishing.publish(story.call(), "hotel", "sandbox", request)


async def test_a_document_is_written_read_listed_and_removed(story: Story) -> None:
    knowledge, call = story.desk.knowledge, story.call()
    made = await put(story, "help/pool", POOL, None, title="Pool", tags=("spa",), metadata={"author": "Ada"})
    assert (made.outcome, made.document.revision, made.document.digest) == ("added", 1, digest_of_text(POOL))
    assert (
        await put(story, "help/pool", POOL, title="Pool", tags=("spa",), metadata={"author": "Ada"})
    ).outcome == "unchanged"
    await put(story, "help/sauna", SAUNA)
    assert (await put(story, "help/pool", POOL + " Towels are there.", "1")).document.revision == 2
    listed = await knowledge.list_documents(call, "hotel", None, 10)
    assert [each.id for each in listed] == ["help/pool", "help/sauna"]
    view = await knowledge.load_document(call, "hotel", "help/pool")
    assert view.text == POOL + " Towels are there."
    earlier = await knowledge.load_document(call, "hotel", "help/pool", made.document.digest)
    assert earlier.text == POOL
    await knowledge.delete_document(call, "hotel", "help/pool")
    with pytest.raises(NotFound):
        await knowledge.load_document(call, "hotel", "help/pool")


async def test_a_stale_write_is_refused(story: Story) -> None:
    await put(story, "pool", POOL)
    with pytest.raises(Missing):
        await put(story, "pool", SAUNA, None)
    with pytest.raises(Stale):
        await put(story, "pool", SAUNA, "7")
    with pytest.raises(Stale):
        await put(story, "other", SAUNA, "3")
    with pytest.raises(Stale):
        await story.desk.knowledge.delete_document(story.call(), "hotel", "pool", "7")


async def test_what_cannot_be_kept_is_refused_with_every_reason(story: Story) -> None:
    with pytest.raises(Invalid) as caught:
        await put(story, "a b", " \0 ", title="x" * 301, tags=("",))
    assert {fault.pointer for fault in caught.value.errors} == {"/document", "/text", "/title", "/tags/0"}


async def test_an_edit_says_whom_it_reaches_before_and_reaches_them_at_once(story: Story) -> None:
    await put(story, "pool", POOL)
    await list_in_draft(story, documents=[{"document": "pool", "title": "Pool"}])
    await publish(story)
    assert (await find(story, "When is the pool open?", "sandbox")).passages[0].score > 0.5
    new = POOL.replace("ten at night", "midnight")
    edit = Edit("pool", new)
    seen = await story.desk.knowledge.put_document(story.call(), "hotel", edit, "*", dry_run=True)
    assert [(each.alias, each.versions, each.pinned) for each in seen.reaches] == [("sandbox", (1,), False)]
    assert (seen.outcome, seen.dry_run) == ("changed", True)
    assert "ten at night" in (await find(story, "When is the pool open?", "v1")).passages[0].text
    await put(story, "pool", new)
    assert "midnight" in (await find(story, "When is the pool open?", "v1")).passages[0].text


async def test_a_search_after_an_edit_reads_and_indexes_what_is_new_alone(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[tuple[bool, int]] = []

    def watched(pieces: Any, embedder: Any, texts: Any, before: Any = None, kept: Any = ()) -> Any:
        made.append((before is not None, sum(each == NEW for each in kept) if before is not None else len(pieces)))
        return build_passages(pieces, embedder, texts, before, kept)

    monkeypatch.setattr(knowledge_retrieval, "build_passages", watched)
    names = [f"room-{number}" for number in range(12)]
    for name in names:
        await put(story, name, f"# {name}\n\nThe {name} has a balcony.")
    await put(story, "pool", POOL)
    await put(story, "copy", POOL)
    listed = [{"document": each} for each in (*names, "pool", "copy")]
    await list_in_draft(story, source={"type": "upload"}, documents=listed)
    assert (await find(story, "When is the pool open?")).passages[0].document == "pool"
    await put(story, "room-3", "# Room 3\n\nIts chimney is lit in winter.", "1")
    await put(story, "pool", "# Pool\n\nThe pool is open at noon.", "1")
    found = await find(story, "Which room has a chimney?")
    assert found.passages[0].document == "room-3"
    assert [each.document for each in (await find(story, "When is the pool open?")).passages[:2]] == ["pool", "copy"]
    whole = Desk(story.desk.store, story.desk.clock, story.desk.kinds, {})
    again = await whole.knowledge.search(story.call(), "hotel", "draft:sandbox", "Which room has a chimney?")
    assert again.passages == found.passages
    assert made == [(False, 14), (True, 2), (False, 14)]


async def test_a_pin_keeps_what_was_there(story: Story) -> None:
    first = (await put(story, "pool", POOL)).document.digest
    await list_in_draft(story, documents=[{"document": "pool", "pinned": first}])
    await publish(story)
    edited = await put(story, "pool", SAUNA)
    assert [each.pinned for each in edited.reaches] == [True]
    found = (await find(story, "When is the pool open?", "v1")).passages[0]
    assert (found.digest, found.pinned) == (first, True)
    assert "seven" in found.text
    assert not (await find(story, "When is the sauna heated?", "v1")).passages


async def test_a_version_says_which_documents_changed_since_it_was_published(story: Story) -> None:
    first = (await put(story, "pool", POOL)).document.digest
    await put(story, "sauna", SAUNA)
    await put(story, "gym", "The gym never closes.")
    listed = [{"document": "pool", "pinned": first}, {"document": "sauna"}, {"document": "gym"}]
    await list_in_draft(story, documents=listed)
    await publish(story)
    version = await story.desk.versions.load(story.call(), "hotel", 1)
    assert version.version.documents["sauna"] == digest_of_text(SAUNA)
    assert version.changed_documents == ()
    await put(story, "pool", SAUNA)
    await put(story, "sauna", POOL)
    changed = (await story.desk.versions.load(story.call(), "hotel", 1)).changed_documents
    assert [each.document for each in changed] == ["sauna"], "a pinned document does not move"


async def test_nothing_is_pinned_to_what_is_not_kept(story: Story) -> None:
    await put(story, "pool", POOL)
    lost = "sha256:" + "0" * 64
    await list_in_draft(story, documents=[{"document": "pool", "pinned": lost}])
    with pytest.raises(Invalid, match="cannot be pinned to it") as wrong:
        await publish(story)
    assert [fault.pointer for fault in wrong.value.errors] == ["/knowledge/faq/documents/0/pinned"]


async def test_only_what_nothing_needs_is_collected(story: Story) -> None:
    pinned = (await put(story, "pool", POOL)).document.digest
    await list_in_draft(story, documents=[{"document": "pool", "pinned": pinned}])
    loose = (await put(story, "pool", SAUNA)).document.digest
    current = (await put(story, "pool", SAUNA + " Bring a towel.")).document.digest
    now, work = story.desk.clock.now(), story.desk.work
    project = (await story.desk.projects.load(story.call(), "hotel")).project.id
    assert await story.desk.knowledge.collect(story.call(), "hotel") == 0
    later = now + timedelta(days=31)
    assert await work.change(story.call(), lambda tx: collect_contents(tx, project, later)) == 1

    def kept(digest: Digest) -> bool:
        return digest in found

    found = await work.read(
        story.call(), lambda tx: {each for each in (pinned, loose, current) if load_text(tx, project, each) is not None}
    )
    assert (kept(pinned), kept(loose), kept(current)) == (True, False, True)


async def test_a_version_knows_what_it_saw(story: Story) -> None:
    await put(story, "pool", POOL)
    project = (await story.desk.projects.load(story.call(), "hotel")).project.id
    listed = {"documents": [{"document": "pool"}, {"document": "gone"}, {"document": "old", "pinned": "sha256:x"}]}
    from greenroom.domain.entities import Address

    entities = {Address("knowledge", "faq"): listed}
    present = await story.desk.work.read(story.call(), lambda tx: load_digests(tx, project))
    seen = digests_for(entities, present)
    assert seen == {"pool": digest_of_text(POOL), "gone": "", "old": "sha256:x"}
    assert not changed_since(seen, present, {"old": "sha256:x"})
    await put(story, "pool", SAUNA)
    present = await story.desk.work.read(story.call(), lambda tx: load_digests(tx, project))
    (change,) = changed_since(seen, present, {"old": "sha256:x"})
    assert (change.document, change.seen, change.now) == ("pool", digest_of_text(POOL), digest_of_text(SAUNA))


async def test_strangers_find_nothing_and_missing_documents_are_named(story: Story) -> None:
    await put(story, "pool", POOL)
    await put(story, "sauna", SAUNA)
    await list_in_draft(story, documents=[{"document": "pool"}, {"document": "sauna"}, {"document": "bar"}])
    found = await find(story, "Can you tell me the capital of Mongolia?")
    assert all(each.score < 0.2 for each in found.passages)
    assert (found.documents, found.missing) == (3, ("bar",))
    assert (await find(story, "saunna")).passages[0].document == "sauna"


async def test_who_may_not_edit_may_read(story: Story) -> None:
    await put(story, "pool", POOL)
    viewer = story.call("viewer")
    assert await story.desk.knowledge.list_documents(viewer, "hotel", None, 10)
    for attempt in (
        story.desk.knowledge.put_document(viewer, "hotel", Edit("x", "y")),
        story.desk.knowledge.delete_document(viewer, "hotel", "pool"),
        story.desk.knowledge.upload_document(viewer, "hotel", b"x", "", "x.txt", Edit("", "")),
        story.desk.knowledge.sync(viewer, "hotel", "faq"),
    ):
        with pytest.raises(NotAllowed):
            await attempt
