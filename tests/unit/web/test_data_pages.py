"""The pages of what no version holds: secrets, knowledge, tables, tickets, tests, keys, the audit."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import AsyncIterator

import pytest

from greenroom.domain.access import Principal
from greenroom.domain.entities import Address
from greenroom.domain.ids import PrincipalId, TestRunId
from greenroom.runtime.turn import Heard
from greenroom.services.keeping import Beginning
from greenroom.services.plans import PromoteRequest, PublishRequest
from greenroom.services.work import Call
from greenroom.web.pages import chats, conversations
from tests.support.api import HOME, archive, leave_ticket
from tests.unit.web.visitor import Visitor, furnished, visiting

BASE = "/projects/hotel"


@pytest.fixture
async def owner() -> AsyncIterator[Visitor]:
    async with visiting(await furnished()) as found:
        yield found


async def test_a_secret_is_set_overridden_and_removed_and_never_shown(owner: Visitor) -> None:
    place = f"{BASE}/secrets"
    assert (await owner.send(place, {"name": "BOOKING_KEY", "value": "open sesame"})).status_code == 303
    other = {"name": "BOOKING_KEY", "value": "other sesame", "alias": "live", "side": "live"}
    assert (await owner.send(place, other)).status_code == 303
    page = (await owner.get(place)).text
    assert "BOOKING_KEY" in page
    assert "sesame" not in page
    refused = await owner.send(place, {"name": "lower", "value": "third sesame"})
    assert refused.status_code == 422
    assert 'value="lower"' in refused.text
    assert "sesame" not in refused.text
    assert (await owner.send(place, {"name": "BOOKING_KEY", "unset": "1"})).status_code == 303
    assert "No secrets yet" in (await owner.get(place)).text


async def test_a_document_says_whom_it_reaches_before_it_is_saved(owner: Visitor) -> None:
    place = f"{BASE}/knowledge"
    assert (await owner.send(place, {"id": "rules", "title": "Rules", "text": "Quiet after ten."})).status_code == 303
    document = f"{place}/document?id=rules"
    assert "an edit reaches nobody" in (await owner.get(document)).text
    await _list_document(owner)
    assert "heard in 3 environments at once" in (await owner.get(document)).text
    edit = {"id": "rules", "title": "Rules", "text": "Quiet after nine.", "revision": "1"}
    refused = await owner.send(f"{place}/document", edit)
    assert refused.status_code == 422
    assert "tick that you know it" in refused.text
    assert "Quiet after nine." in refused.text
    assert "Quiet after ten." in (await owner.get(document)).text
    assert (await owner.send(f"{place}/document", {**edit, "known": "1"})).status_code == 303
    assert "Quiet after nine." in (await owner.get(document)).text
    stale = await owner.send(f"{place}/document", {**edit, "known": "1", "text": "Quiet after eight."})
    assert stale.status_code == 422
    assert "Quiet after eight." in stale.text


async def _list_document(owner: Visitor) -> None:
    """Makes every environment serve a version that lists the document."""
    desk = owner.stage.desk
    who = await desk.access.find_session(owner.token)
    assert who is not None
    call = Call(who, "req_test")
    body = {"name": "House", "documents": [{"document": "rules"}]}
    await desk.drafts.save(call, "hotel", "sandbox", Address("knowledge", "house"), body, "*")
    await desk.publishing.publish(call, "hotel", "sandbox", PublishRequest("The house rules are known"))
    for alias in ("pre-release", "live"):
        await desk.releases.promote(call, "hotel", alias, PromoteRequest(2, 1, 2))


async def test_a_file_becomes_a_document(owner: Visitor) -> None:
    reply = await owner.upload(f"{BASE}/knowledge", "prices.txt", b"Dogs cost 12 pounds.", {"mime": "text/plain"})
    assert reply.status_code == 303
    assert "prices" in (await owner.get(f"{BASE}/knowledge")).text
    empty = await owner.upload(f"{BASE}/knowledge", "", b"", {})
    assert empty.status_code == 422


async def test_a_table_is_made_filled_read_and_deleted(owner: Visitor) -> None:
    place = f"{BASE}/tables"
    wrong = await owner.send(place, {"name": "Rooms", "columns": "number numeral"})
    assert wrong.status_code == 422
    assert "is no type" in wrong.text
    made = {"name": "Rooms", "columns": "number number required\nview text\nquiet boolean", "key": "number"}
    assert (await owner.send(place, made)).headers["location"] == f"{place}/rooms"
    row = {"v:number": "7", "v:view": "sea", "v:quiet": "yes"}
    assert (await owner.send(f"{place}/rooms", row)).status_code == 303
    bad = await owner.send(f"{place}/rooms", {"v:number": "seven", "v:view": "sea"})
    assert bad.status_code == 422
    assert 'value="seven"' in bad.text
    read = await owner.upload(f"{place}/rooms", "r.csv", b"number,view\n8,garden\n", {"import": "1"})
    assert read.status_code == 303
    page = (await owner.get(f"{place}/rooms")).text
    assert "garden" in page
    assert "2 rows" in page
    assert "8,garden" in (await owner.get(f"{place}/rooms/export")).text
    await owner.send(f"{place}/rooms", {"remove": "8"})
    assert "garden" not in (await owner.get(f"{place}/rooms")).text
    assert (await owner.send(f"{place}/rooms", {"delete": "1"})).headers["location"] == place
    assert "No tables yet" in (await owner.get(place)).text


async def test_a_ticket_is_given_to_somebody_and_closed(owner: Visitor) -> None:
    id_ = await leave_ticket(owner.stage.facts, "<b>now</b>")
    page = (await owner.get(f"{BASE}/tickets")).text
    assert "wants a person &lt;b&gt;now" in page
    await owner.send(f"{BASE}/tickets", {"id": id_, "to": "Ada"})
    assert "Ada" in (await owner.get(f"{BASE}/tickets")).text
    await owner.send(f"{BASE}/tickets", {"id": id_, "close": "1", "comment": "Called back"})
    assert "No tickets here" in (await owner.get(f"{BASE}/tickets")).text
    assert "Called back" in (await owner.get(f"{BASE}/tickets?status=closed")).text
    again = await owner.send(f"{BASE}/tickets", {"id": id_, "close": "1"})
    assert again.status_code == 422


async def test_tests_are_run_and_their_results_shown(owner: Visitor) -> None:
    case = {"id": "late", "turns": [{"say": "Can I check out late?", "expect": {"contains": "midnight"}}]}
    desk = owner.stage.desk
    who = await desk.access.find_session(owner.token)
    assert who is not None
    call = Call(who, "req_test")
    body = {"name": "Smoke", "cases": [case]}
    await desk.drafts.save(call, "hotel", "sandbox", Address("test_set", "smoke"), body, "*")
    begun = await owner.send(f"{BASE}/tests", {"ref": "draft:sandbox"})
    place = begun.headers["location"]
    await desk.test_runs.wait(TestRunId(place.rpartition("/")[2]))
    page = (await owner.get(place)).text
    assert "1 failed" in page
    assert "midnight" in page
    assert "You can stay until noon." in page
    assert "failed" in (await owner.get(f"{BASE}/tests")).text
    unknown = await owner.send(f"{BASE}/tests", {"ref": "v99"})
    assert unknown.status_code == 422


async def test_a_key_is_shown_once_and_revoked(owner: Visitor) -> None:
    made = await owner.send("/keys", {"name": "ci", "role": "editor"})
    shown = re.search(r"<pre>(gr_[^<]+)</pre>", made.text)
    assert shown
    desk = owner.stage.desk
    assert (await desk.access.identify(shown[1])).role == "editor"
    assert shown[1] not in (await owner.get("/keys")).text
    key = next(k for k in await owner.stage.store.read(HOME, lambda tx: tx.list_keys()) if k.name == "ci")
    assert (await owner.send("/keys", {"revoke": key.id})).status_code == 303
    assert "revoked" in (await owner.get("/keys")).text


async def test_the_audit_is_read_and_its_chain_checked(owner: Visitor) -> None:
    page = await owner.get("/audit?verify=1")
    assert "records are what was written" in page.text
    assert "published v1" in page.text


async def test_a_connection_is_saved_and_removed(owner: Visitor) -> None:
    place = f"{BASE}/connections"
    wrong = await owner.send(place, {"slug": "Main Model", "kind": "model", "secret": "KEY"})
    assert wrong.status_code == 422
    assert 'value="Main Model"' in wrong.text
    good = {"slug": "main", "kind": "model", "provider": "openai", "secret": "MODEL_KEY"}
    assert (await owner.send(place, good)).status_code == 303
    assert "MODEL_KEY" in (await owner.get(place)).text
    assert (await owner.send(place, {"slug": "main", "revision": "9", "remove": "1"})).status_code == 422
    assert (await owner.send(place, {"slug": "main", "revision": "1", "remove": "1"})).status_code == 303


async def test_a_conversation_is_rated_replayed_and_erased(owner: Visitor) -> None:
    place = f"{BASE}/conversations/{owner.stage.facts['conversation']}"
    assert (await owner.send(place, {"score": "up", "comment": "Well <b>done</b>"})).status_code == 303
    page = (await owner.get(place)).text
    assert "Well &lt;b&gt;done" in page
    replayed = await owner.send(f"{place}/replay", {"ref": "live"})
    assert replayed.status_code == 200
    assert "would go the same way" in replayed.text
    assert (await owner.send(f"{place}/replay", {"ref": "nowhere"})).status_code in (404, 422)
    assert (await owner.send(place, {"erase": "1"})).status_code == 303
    assert "was erased" in (await owner.get(place)).text
    gone = await owner.send(f"{place}/replay", {"ref": "live"})
    assert gone.status_code == 422
    assert "cannot be replayed" in gone.text


async def test_a_folder_is_looked_at_and_then_imported(owner: Visitor) -> None:
    files = {"topic/parking.yaml": b"schema: 1\nname: Parking\ncontent: Behind the house.\n"}
    zipped = archive({"greenroom.yaml": (await _manifest(owner)), **files})
    place = f"{BASE}/import"
    looked = await owner.upload(place, "agent.zip", zipped, {"overlay": "1", "look": "1"})
    assert "1 added" in looked.text
    assert "would change your draft" in looked.text
    assert "Parking" not in (await owner.get(f"{BASE}/build")).text
    done = await owner.upload(place, "agent.zip", zipped, {"overlay": "1"})
    assert "is in your draft of sandbox" in done.text
    assert "Parking" in (await owner.get(f"{BASE}/build")).text
    wrong = await owner.upload(place, "agent.zip", b"no archive", {})
    assert wrong.status_code == 422
    assert (await owner.send(place, {})).status_code == 422


async def _manifest(owner: Visitor) -> bytes:
    export = await owner.get(f"{BASE}/versions/1/export")
    assert export.headers["content-disposition"] == 'attachment; filename="hotel-v1.zip"'
    with zipfile.ZipFile(io.BytesIO(export.content)) as made:
        return made.read("greenroom.yaml")


async def test_a_project_is_renamed_and_deleted_only_when_its_slug_is_typed(owner: Visitor) -> None:
    place = f"{BASE}/settings"
    assert (await owner.send(place, {"name": " "})).status_code == 422
    assert (await owner.send(place, {"name": "The Larkspur"})).status_code == 303
    assert "The Larkspur" in (await owner.get(BASE)).text
    assert (await owner.send(place, {"delete": "1", "slug": "hote"})).status_code == 422
    assert (await owner.send(place, {"delete": "1", "slug": "hotel"})).headers["location"] == "/"
    assert (await owner.get(BASE)).status_code == 404


async def test_secrets_are_sealed_anew(owner: Visitor) -> None:
    place = f"{BASE}/secrets"
    await owner.send(place, {"name": "KEY", "value": "sesame"})
    assert (await owner.send(place, {"rotate": "1"})).status_code == 303
    assert "sealed anew with the present key." in (await owner.get(place)).text


async def test_a_table_is_renamed_and_gets_a_column(owner: Visitor) -> None:
    await owner.send(f"{BASE}/tables", {"name": "Rooms", "columns": "number number"})
    place = f"{BASE}/tables/rooms"
    refused = await owner.send(place, {"alter": "1", "name": "Suites", "columns": "view picture"})
    assert refused.status_code == 422
    assert "view picture" in refused.text
    assert (await owner.send(place, {"alter": "1", "name": "Suites", "columns": "view text"})).status_code == 303
    page = (await owner.get(place)).text
    assert "<h1>Suites</h1>" in page
    assert "<th>view</th>" in page


async def test_a_running_conversation_is_ended_and_a_person_erased(owner: Visitor) -> None:
    desk, call = owner.stage.desk, Call(Principal(PrincipalId("mem_1"), HOME, "Ann", "owner"), "r")
    begun, _ = await desk.conversations.start(call, "hotel", Beginning(user_id="ada"))
    place = f"{BASE}/conversations/{begun.conversation.id}"
    assert "End the conversation" in (await owner.get(place)).text
    assert (await owner.send(place, {"end": "1"})).status_code == 303
    assert "End the conversation" not in (await owner.get(place)).text
    person = {"kind": "user_id", "who": "ada"}
    refused = await owner.send(f"{BASE}/erase", person)
    assert refused.status_code == 422
    assert 'value="ada"' in refused.text
    assert (await owner.send(f"{BASE}/erase", {**person, "confirm": "1"})).status_code == 303
    assert "1 conversation of this person is erased." in (await owner.get(f"{BASE}/conversations")).text
    assert "was erased" in (await owner.get(place)).text


async def test_a_long_conversation_is_read_in_pages_and_its_chat_ends_at_the_end(
    owner: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversations, "TURNS", 2)
    monkeypatch.setattr(chats, "TURNS", 2)
    desk, call = owner.stage.desk, Call(Principal(PrincipalId("mem_1"), HOME, "Ann", "owner"), "r")
    begun, _ = await desk.conversations.start(call, "hotel", Beginning(ref="live"))
    id_ = begun.conversation.id
    for number in range(1, 5):
        await desk.conversations.take_turn(call, id_, Heard(f"Question {number}?"))
    place = f"{BASE}/conversations/{id_}"
    asked = {
        place: ([1], None, 1),
        f"{place}?after=1": ([2, 3], 0, 3),
        f"{place}?after=3": ([4], 1, None),
        f"{place}?after=900": ([], 898, None),
        f"{place}?after=-7": ([1], None, 1),
        f"{BASE}/chat/{id_}": ([3, 4], None, None),
    }
    for path, (questions, earlier, later) in asked.items():
        page = (await owner.get(path)).text
        assert re.findall(r"Question (\d)\?</p>", page) == [str(each) for each in questions], path
        assert (f'href="?{f"after={earlier}" if earlier else ""}">Earlier turns' in page) == (earlier is not None), path
        assert (f'href="?after={later}">Later turns' in page) == (later is not None), path
    assert f'href="{place}">all of them' in (await owner.get(f"{BASE}/chat/{id_}")).text
