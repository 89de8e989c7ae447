"""The hotel in which everything that somebody can write is a payload."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from greenroom.domain.access import ApiKey, Member, Principal, Session
from greenroom.domain.connections import Connection
from greenroom.domain.entities import Address
from greenroom.domain.environments import revision_of_settings
from greenroom.domain.ids import PrincipalId
from greenroom.domain.knowledge import Edit
from greenroom.domain.tables import Column, Table
from greenroom.domain.test_runs import Selection
from greenroom.services.conversations import Heard
from greenroom.services.desk import Desk
from greenroom.services.environment_changes import EnvironmentChange, NewEnvironment
from greenroom.services.keeping import Beginning
from greenroom.services.keys import hash_token
from greenroom.services.plans import PromoteRequest, PublishRequest, RollbackRequest
from greenroom.services.tickets import tickets_of
from greenroom.services.work import Call
from greenroom.wire.archives import pack
from tests.browser.furnish_drafts import furnish_drafts
from tests.browser.furnish_parallel import furnish_parallel
from tests.browser.furnish_traffic import furnish_traffic

AGENT = Address("agent", "main")
FUNCTION = Address("function", "find_invoice")


class Payloads:
    """Furnishes a desk with texts; every text is used in every place that keeps one."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = texts
        self.plain = [re.sub(r"\{\{|\{%|\}\}|%\}", "{ ", text) for text in texts]
        """The same where braces of ours are read as references."""

    async def furnish(self, desk: Desk, owner: Principal) -> None:
        """Makes the project `hotel`."""
        self._desk, self._call = desk, Call(owner, "furnish")
        await desk.projects.create(self._call, self._pick(5), "hotel", "pipeline")
        for alias in ("sandbox", "pre-release", "live"):
            change = EnvironmentChange(name=self._pick(len(alias))[:60])
            seen = revision_of_settings((await desk.environments.load(self._call, "hotel", alias)).environment)
            await desk.environment_changes.change(self._call, "hotel", alias, change, seen)
        await self._write_content()
        await self._release()
        await self._change_draft()
        await self._talk()
        await self._keep_data()
        await self._meet_people(owner)
        await furnish_parallel(desk, owner)
        await furnish_drafts(desk, owner)

    def _pick(self, number: int) -> str:
        return self.texts[number % len(self.texts)]

    async def _write_content(self) -> None:
        for number, text in enumerate(self.plain):
            body = {
                "name": text,
                "content": f"Answer {number} {text}",
                "sample_questions": [f"Question {number} {text}"],
            }
            await self._save(Address("topic", f"t{number}"), body)
        await self._save(AGENT, {"name": self._pick(7), "greeting": self.plain[9 % len(self.plain)]})
        cases = [
            {"id": f"c{n}", "name": text, "turns": [{"say": text, "expect": {"reply_contains": text}}], "skip": ""}
            for n, text in enumerate(self.texts)
        ]
        await self._save(Address("test_set", "smoke"), {"name": self._pick(3), "cases": cases})

    async def _release(self) -> None:
        for number in range(1, 4):
            text = self._pick(number * 31)
            await self._save_code(text)
            if number > 1:
                await self._save(
                    Address("topic", f"t{number}"), {"name": text, "content": f"Changed {self.plain[number]}"}
                )
            note = f"[{'TAG'}] Release {number} says {text}"[:200]
            await self._desk.publishing.publish(
                self._call, "hotel", "sandbox", PublishRequest(note, details="\n".join(self.texts[number - 1 :: 3]))
            )
            for alias in ("pre-release", "live")[: 2 if number < 3 else 1]:
                seq = (await self._desk.environments.load(self._call, "hotel", alias)).environment.seq
                request = PromoteRequest(number, seq, number, note=self._pick(number * 17))
                await self._desk.releases.promote(self._call, "hotel", alias, request)
        await self._branch()
        await self._desk.releases.roll_back(self._call, "hotel", "pre-release", RollbackRequest(self._pick(7), 1))

    async def _branch(self) -> None:
        """Makes an environment with an odd name, and a conflict of payloads with it."""
        made = NewEnvironment(self._pick(5)[:60], "branch", "sandbox")
        await self._desk.environment_changes.create(self._call, "hotel", made)
        topic = Address("topic", f"t{min(20, len(self.plain) - 1)}")
        for number, alias in enumerate(("branch", "sandbox")):
            view = await self._desk.content.load(self._call, "hotel", topic, f"draft:{alias}")
            texts = [self.plain[(number + step) % len(self.plain)] for step in (0, 6, 8)]
            body = {"name": texts[0], "content": texts[1], "sample_questions": [f"{texts[2]} {alias}"]}
            await self._desk.drafts.save(self._call, "hotel", alias, topic, body, view.revision)
            request = PublishRequest(f"The words of {alias} {self._pick(3)}"[:200])
            await self._desk.publishing.publish(self._call, "hotel", alias, request)

    async def _change_draft(self) -> None:
        for number, text in enumerate(self.plain):
            body = {"name": text, "content": f"{text} or not", "sample_questions": [text, f"More {text}"]}
            await self._save(Address("topic", f"t{number}"), body)
        await self._save_code(*self.texts)
        draft = await self._desk.drafts.load(self._call, "hotel", "sandbox")
        gone = Address("topic", "t0")
        await self._desk.drafts.remove(self._call, "hotel", "sandbox", gone, draft.snapshot[gone])
        draft = await self._desk.drafts.load(self._call, "hotel", "sandbox")
        await self._desk.checkpoints.save(self._call, "hotel", "sandbox", self._pick(40)[:80], draft.revision)

    async def _talk(self) -> None:
        desk, call = self._desk, self._call
        talks: list[str] = []
        for at in range(0, len(self.texts), 40):
            beginning = Beginning(
                ref="v3",
                channel="chat",
                user_id=self._pick(at),
                variables={"name": self._pick(at)},
                sip_headers={"X-Guest": self._pick(at + 1)},
                caller=self._pick(at + 2)[:60],
                called=self._pick(at + 3)[:60],
            )
            begun, _ = await desk.conversations.start(call, "hotel", beginning)
            talks.append(begun.conversation.id)
            for text in self.texts[at : at + 40]:
                if (await desk.conversations.take_turn(call, begun.conversation.id, Heard(text))).ended:
                    break
        for text in self.texts:
            await desk.transcripts.add_note(call, talks[0], text)
        await desk.transcripts.add_tag(call, talks[0], "seen")
        await desk.transcripts.rate(call, talks[0], 1, comment=self._pick(11))
        await self._open_tickets(talks)

    async def _open_tickets(self, talks: Sequence[str]) -> None:
        desk, call = self._desk, self._call
        view, _ = await desk.conversations.load(call, talks[0], -1, 1)
        project = (await desk.projects.load(call, "hotel")).project
        effects = [
            {"type": "handed_off", "method": "ticket", "handoff": text, "name": text, "reason": text}
            for text in self.texts
        ]
        for opened in tickets_of(project, view.conversation, effects, desk.clock.now()):
            await desk.store.write(call.workspace, lambda tx, kept=opened: tx.put_record(kept))
        tickets = await desk.tickets.list(call, "hotel", None, 3)
        await desk.tickets.assign(call, "hotel", tickets[0].key, self._pick(13)[:120])
        await desk.tickets.close(call, "hotel", tickets[1].key, self._pick(14))

    async def _keep_data(self) -> None:
        desk, call = self._desk, self._call
        await desk.secrets.set(call, "hotel", "BOOKING_KEY", self._pick(0))
        await desk.connections.save(call, "hotel", Connection("main", "model", "openai", "", "BOOKING_KEY"), "*")
        await desk.knowledge.put_document(call, "hotel", Edit("house-rules", "\n\n".join(self.texts), self._pick(22)))
        for number, text in enumerate(self.texts[:60]):
            await desk.knowledge.put_document(call, "hotel", Edit(f"rule-{number}", text, text))
        columns = (Column("number", "number", required=True), Column("view"))
        await desk.tables.create(call, "hotel", Table("rooms", self._pick(23), columns=columns, key="number"))
        for number, text in enumerate(self.texts):
            await desk.tables.put_row(call, "hotel", "rooms", {"number": number, "view": text})
        source = {"type": "urls", "urls": ["https://harbour.example/rules"]}
        house = {"name": self._pick(6), "source": source, "documents": [{"document": "house-rules"}]}
        await self._save(Address("knowledge", "house"), house)
        for ref in ("v1", "v3"):
            run = await desk.test_runs.start(call, "hotel", Selection(ref))
            await desk.test_runs.wait(run.id)
        await furnish_traffic(desk, call, self._pick(8))

    async def _meet_people(self, owner: Principal) -> None:
        """Keys and members with such names, who did something, and browsers that say they are payloads."""
        now, store = self._desk.clock.now(), self._desk.store
        for number, text in enumerate(self.texts):
            key = ApiKey(PrincipalId(f"key_{number}"), owner.workspace, text, "owner", f"hash {number}", now)
            member = Member(PrincipalId(f"mem_{number}"), owner.workspace, text, "owner", now)
            await store.write(owner.workspace, lambda tx, k=key, m=member: (tx.insert_key(k), tx.insert_member(m)))
            until = now.replace(year=now.year + 1)
            session = Session(hash_token(str(number)), "session", owner.id, owner.workspace, now, until, device=text)
            await store.system(lambda tx, s=session: tx.insert_session(s))
            if number < 40:
                by = Call(Principal(member.id, owner.workspace, text, "owner"), "furnish")
                await self._desk.versions.mark(by, "hotel", 1, "bad" if number % 2 else "good")
        by = Call(Principal(PrincipalId("mem_1"), owner.workspace, self._pick(1), "owner"), "furnish")
        body = {"name": self._pick(2), "greeting": "Hello"}
        view = await self._desk.content.load(by, "hotel", AGENT, "draft:sandbox")
        await self._desk.drafts.save(by, "hotel", "sandbox", AGENT, body, view.revision)

    async def _save_code(self, *texts: str) -> None:
        comments = "".join(f"    # {' '.join(text.splitlines())}\n" for text in texts)
        body = {"name": self._pick(4), "code": f"def run(conv):\n{comments}    return {texts[0]!r}\n"}
        await self._save(FUNCTION, body)

    async def _save(self, address: Address, body: dict[str, Any]) -> None:
        draft = await self._desk.drafts.load(self._call, "hotel", "sandbox")
        await self._desk.drafts.save(self._call, "hotel", "sandbox", address, body, draft.snapshot.get(address) or "*")


def payload_archive(texts: Sequence[str]) -> bytes:
    """Returns an archive whose files have payloads for names and contents."""
    names = [re.sub(r"[/\\\x00-\x1f]", "_", text)[:100] for text in texts]
    files = {f"topics/{name}.yaml": text.encode() for name, text in zip(names, texts, strict=True)}
    return pack({"project.yaml": f"name: {texts[0]!r}\n".encode(), **files})
