"""What happened, in the past tense, and the chain that makes the record of it tamper-evident."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from greenroom.domain.canonical import Digest, canonical_json, digest_of_bytes

GENESIS = Digest("sha256:" + "0" * 64)


@dataclass(frozen=True, slots=True)
class Event:
    """One change of state: who, what, to which subject, from, to, why.

    `action` is `noun.verb_in_past_tense`. `data` is free of personal data and secrets: ids, numbers,
    digests, addresses of entities, notes of versions. `project` and `environment` are ids or ''.
    """

    action: str
    actor: str
    at: datetime
    request: str
    project: str = ""
    environment: str = ""
    subject: str = ""
    data: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def to_json(self) -> dict[str, Any]:
        """Returns the event as plain JSON; times are RFC 3339 UTC with microseconds."""
        return {
            "action": self.action,
            "actor": self.actor,
            "at": format_time(self.at),
            "request": self.request,
            "project": self.project,
            "environment": self.environment,
            "subject": self.subject,
            "data": dict(self.data),
        }


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """An event at its place in the workspace's chain. `payload` is the canonical bytes that were hashed."""

    seq: int
    previous: Digest
    digest: Digest
    payload: bytes


def format_time(moment: datetime) -> str:
    """Returns an aware UTC time as RFC 3339 with microseconds and `Z`."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def chain(seq: int, previous: Digest, event: Event) -> AuditRecord:
    """Returns the record that follows `previous`. The hash covers seq, previous hash and the event."""
    payload = canonical_json({"seq": seq, "previous": previous, "event": event.to_json()})
    return AuditRecord(seq, previous, digest_of_bytes(payload), payload)


def verify_chain(
    records: Iterable[AuditRecord],
    expected: Mapping[int, Digest] | None = None,
    after: tuple[int, Digest] = (0, GENESIS),
) -> int | None:
    """Returns the seq of the first place where a chain is not what was written, None when it is sound.

    `records` follow `after` by rising seq. An edited, missing, foreign or moved record shows by itself, or, if
    it was given a digest that fits, at the one after it. A cut tail, a suffix written anew and an old copy put
    back show only against `expected`: digests by seq that were kept elsewhere, the head among them.
    """
    seq, previous = after
    known = {} if expected is None else {at: digest for at, digest in expected.items() if at > seq}
    for record in records:
        seq += 1
        # Canonical JSON sorts keys, so every payload ends with its place; no need to parse it.
        place = f',"previous":"{previous}","seq":{seq}}}'.encode()
        if (
            record.seq != seq
            or record.previous != previous
            or not record.payload.endswith(place)
            or record.digest != digest_of_bytes(record.payload)
            or known.pop(seq, record.digest) != record.digest
        ):
            return seq
        previous = record.digest
    return min(seq + 1, *known) if known else None


SENTENCES: Mapping[str, str] = {
    "project.created": "made the project {subject}",
    "project.renamed": "renamed the project {subject}",
    "project.deleted": "deleted the project {subject}",
    "draft.entity_saved": "edited {subject} in a draft of {environment}",
    "draft.entity_removed": "removed {subject} in a draft of {environment}",
    "draft.imported": "imported a folder into a draft of {environment}",
    "draft.rebased": "brought a draft of {environment} up to date",
    "draft.discarded": "discarded a draft of {environment}",
    "draft.restored": "restored a discarded draft of {environment}",
    "draft.loaded": "loaded {ref} into a draft of {environment}",
    "draft.checkpoint_saved": "saved a checkpoint of a draft of {environment}",
    "draft.checkpoint_removed": "removed a checkpoint of {environment}",
    "version.published": "published {subject}: {note}",
    "version.marked": "marked {subject} as {to}",
    "release.published": "released {subject} in {environment} by publishing",
    "release.promoted": "promoted {subject} to {environment}",
    "release.hotfixed": "released {subject} in {environment} as a HOTFIX: {reason}",
    "release.rolled_back": "rolled {environment} back to {subject}: {reason}",
    "release.cloned": "made {environment} serve {subject}, as a clone",
    "release.merged": "released {subject} in {environment} by merging",
    "version.merged": "merged {source} into {environment} as {subject}: {note}",
    "environment.created": "made the environment {subject}",
    "environment.changed": "changed the environment {subject}",
    "environment.deleted": "deleted the environment {subject}",
    "project.migrated": "moved the project {subject} to parallel environments",
    "split.changed": "split the traffic: {shares}",
    "split.restarted": "drew anew who goes where in the split: {shares}",
    "tester.added": "made {who} a tester of {environment}",
    "tester.removed": "took {who} off the testers of {environment}",
    "share_link.created": "made the share link {subject} to {environment}, until {expires_at}",
    "share_link.revoked": "revoked the share link {subject} to {environment}",
    "document.added": "added the document {subject}",
    "document.changed": "changed the document {subject}",
    "document.removed": "removed the document {subject}",
    "source.sync_started": "began to read the source {subject} as of {ref}",
    "source.sync_finished": "read the source {subject}: {added} added, {changed} changed, {removed} removed",
    "source.sync_failed": "could not read the source {subject}",
    "secret.set": "set the secret {name}",
    "secret.unset": "removed the secret {name}",
    "connection.saved": "saved the connection {subject}",
    "connection.removed": "removed the connection {subject}",
    "number.added": "added the number {subject}, which leads to {leads_to}",
    "number.changed": "changed the number {subject}, which leads to {leads_to}",
    "number.removed": "removed the number {subject}",
    "secret.rotated": "sealed {count} things anew with the server's present key",
    "test_run.started": "started the test run {subject} of {ref}",
    "test_run.finished": "finished the test run {subject} of {ref}: {outcome}",
    "test_run.cancelled": "cancelled the test run {subject}",
    "evaluation.saved": "saved the evaluation {subject}",
    "evaluation.removed": "removed the evaluation {subject} with {dropped} results",
    "evaluation.run_started": "began to judge conversations by {subject}",
    "evaluation.run_finished": "judged {judged} conversations by {subject}",
    "evaluation.run_interrupted": "stopped judging conversations by {subject}: the server stopped or it broke",
    "evaluation.run_cancelled": "cancelled judging conversations by {subject}",
    "conversation.tagged": "tagged the conversation {subject} with {tag}",
    "conversation.untagged": "took the tag {tag} off the conversation {subject}",
    "conversation.noted": "wrote a note on the conversation {subject}",
    "conversation.rated": "gave feedback on the conversation {subject}",
    "conversation.erased": "erased what was said in the conversation {subject}",
    "person.erased": "erased what was kept of {subject}, in {conversations} conversations",
    "ticket.opened": "handed over as ticket {subject}",
    "ticket.assigned": "assigned the ticket {subject}",
    "ticket.closed": "closed the ticket {subject}",
    "table.created": "made the table {subject}",
    "table.altered": "changed the table {subject}",
    "table.deleted": "deleted the table {subject} with {rows} rows",
    "table.row_saved": "wrote a row of the table {subject}",
    "table.row_removed": "removed a row of the table {subject}",
    "table.imported": "imported {rows} rows into the table {subject}",
    "key.created": "made the API key {subject}",
    "key.revoked": "revoked the API key {subject}",
    "member.created": "joined",
    "account.password_set": "set a password",
    "account.signed_in": "signed in by {by}",
    "account.signed_out": "signed out {count} of their browsers",
}
"""Every action in words, after its actor's name. A contract test holds this against what services append."""


def say_event(event: Mapping[str, Any], environment: str) -> str:
    """Returns a stored event in words, without its actor; an unknown action is said as it is named."""
    sentence = SENTENCES.get(event["action"])
    if sentence is None:
        return str(event["action"])
    known = {"note": "", "to": "", "reason": "", **event["data"], "subject": event["subject"]}
    return sentence.format_map({**known, "environment": environment or event["environment"]})
