"""Who may do what: roles, permissions, and the one question `may`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from greenroom.domain.errors import NotAllowed
from greenroom.domain.ids import PrincipalId, WorkspaceId

Role = Literal["viewer", "editor", "publisher", "release_manager", "admin", "owner"]

ROLES: tuple[Role, ...] = ("viewer", "editor", "publisher", "release_manager", "admin", "owner")
"""Each role may do all that the ones before it may."""

PERMISSIONS: dict[str, Role] = {
    "projects.read": "viewer",
    "content.read": "viewer",
    "conversations.read": "viewer",
    "history.read": "viewer",
    "resolve.read": "viewer",
    "conversations.start": "viewer",
    "conversations.test": "editor",
    "conversations.review": "editor",
    "conversations.erase": "admin",
    "results.read": "viewer",
    "evaluations.read": "viewer",
    "evaluations.edit": "editor",
    "evaluations.run": "editor",
    "knowledge.read": "viewer",
    "knowledge.edit": "editor",
    "knowledge.sync": "editor",
    "tables.read": "viewer",
    "tables.write": "editor",
    "tables.manage": "publisher",
    "test_runs.read": "viewer",
    "test_runs.start": "editor",
    "splits.read": "viewer",
    "splits.set": "release_manager",
    "testers.read": "viewer",
    "testers.manage": "publisher",
    "share_links.read": "viewer",
    "share_links.manage": "publisher",
    "drafts.edit": "editor",
    "secrets.read": "editor",
    "secrets.manage": "admin",
    "connections.read": "editor",
    "connections.manage": "admin",
    "drafts.read_others": "admin",
    "versions.mark": "publisher",
    "releases.publish": "publisher",
    "merges.make": "publisher",
    "environments.manage": "release_manager",
    "releases.promote": "release_manager",
    "releases.roll_back": "release_manager",
    "releases.hotfix": "admin",
    "numbers.manage": "release_manager",
    "projects.create": "admin",
    "projects.change": "admin",
    "projects.delete": "owner",
    "keys.manage": "admin",
    "audit.read": "admin",
}


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking: a person or an API key, inside one workspace."""

    id: PrincipalId
    workspace: WorkspaceId
    name: str
    role: Role


def may(principal: Principal, permission: str) -> bool:
    """Says whether the principal's role includes the permission."""
    return ROLES.index(principal.role) >= ROLES.index(PERMISSIONS[permission])


def require(principal: Principal, permission: str) -> None:
    """Raises NotAllowed when the principal lacks the permission."""
    if not may(principal, permission):
        raise NotAllowed(
            "not_allowed",
            f"this needs the permission {permission} (role {PERMISSIONS[permission]} or higher); "
            f"you are {principal.role}",
            extra={"permission": permission, "role": principal.role},
        )


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key's record. The key itself is shown once and kept only as its SHA-256."""

    id: PrincipalId
    workspace: WorkspaceId
    name: str
    role: Role
    key_hash: str
    created_at: datetime
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """A person in a workspace."""

    id: PrincipalId
    workspace: WorkspaceId
    name: str
    role: Role
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in browser, or a one-time link that makes one. Kept by the SHA-256 of its token."""

    token_hash: str
    kind: Literal["link", "session"]
    member: PrincipalId
    workspace: WorkspaceId
    created_at: datetime
    expires_at: datetime
    by: Literal["link", "password"] = "link"
    device: str = ""
    """What the browser says it is."""

    @property
    def id(self) -> str:
        """Returns its name on a page; it does not lead to the token."""
        return self.token_hash[:16]
