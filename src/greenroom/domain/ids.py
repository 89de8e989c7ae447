"""Opaque ids with a prefix that says what they name. They are made by a port, never here."""

from __future__ import annotations

from typing import NewType

WorkspaceId = NewType("WorkspaceId", str)
ProjectId = NewType("ProjectId", str)
EnvironmentId = NewType("EnvironmentId", str)
ReleaseId = NewType("ReleaseId", str)
DraftId = NewType("DraftId", str)
ConversationId = NewType("ConversationId", str)
TestRunId = NewType("TestRunId", str)
PrincipalId = NewType("PrincipalId", str)
"""A person (`mem_…`) or an API key (`key_…`), which counts as a person of its own."""

PREFIXES = {
    "workspace": "wsp",
    "project": "prj",
    "environment": "env",
    "release": "rel",
    "draft": "drf",
    "checkpoint": "chk",
    "conversation": "cnv",
    "test_run": "run",
    "evaluation_run": "evr",
    "note": "nte",
    "feedback": "fbk",
    "row": "row",
    "share_link": "lnk",
    "member": "mem",
    "api_key": "key",
    "event": "evt",
    "request": "req",
}
