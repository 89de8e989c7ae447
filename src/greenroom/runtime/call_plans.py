"""What a version may call or look up, compiled: functions, HTTP tools, MCP servers, knowledge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class FunctionPlan:
    """Code for the sandbox. A `helper` is only imported by others; a `step` belongs to a workflow."""

    slug: str
    name: str
    description: str
    parameters: Mapping[str, Any]
    code: str
    workflow: str
    role: str
    secrets: frozenset[str]
    """Names of the secrets that its code, or a helper's, writes as `{{secret.NAME}}`; no others are filled for it."""
    delays: tuple[tuple[float, str], ...] = ()
    """(after so many ms, what is said while it runs), in order."""


@dataclass(frozen=True, slots=True)
class AuthPlan:
    """How to prove who we are; the secret is a name, never a value."""

    type: str = "none"
    secret: str = ""
    username: str = ""
    name: str = ""

    def facts(self) -> dict[str, str]:
        """Returns the plan as plain JSON."""
        return {"type": self.type, "secret": self.secret, "username": self.username, "name": self.name}


@dataclass(frozen=True, slots=True)
class IntegrationPlan:
    """Another system's address and how to sign in there."""

    slug: str
    base_url: str
    base_urls: Mapping[str, str]
    auth: AuthPlan
    headers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ToolPlan:
    """One HTTP request with blanks: `{argument}` and `{{kind.slug}}`."""

    slug: str
    name: str
    description: str
    method: str
    url: str
    integration: str
    headers: tuple[tuple[str, str], ...]
    query: tuple[tuple[str, str], ...]
    body: Any
    parameters: Mapping[str, Any]
    result_path: str
    save_to: str
    timeout_ms: int
    retries: int
    confirm: bool


@dataclass(frozen=True, slots=True)
class McpPlan:
    """A server whose tools a model may use."""

    slug: str
    url: str
    urls: Mapping[str, str]
    auth: AuthPlan
    allowed: tuple[str, ...]
    prefix: str
    timeout_ms: int


@dataclass(frozen=True, slots=True)
class DocumentPlan:
    """A document that a version lists; `pinned` is the digest of the content that must be used, or empty."""

    document: str
    title: str
    tags: tuple[str, ...]
    pinned: str


@dataclass(frozen=True, slots=True)
class KnowledgePlan:
    """Documents to look things up in when no topic answers."""

    slug: str
    name: str
    source: Mapping[str, Any]
    documents: tuple[DocumentPlan, ...]
    tags: tuple[str, ...]
    weight: float

    def facts(self) -> dict[str, Any]:
        """Returns the plan as plain JSON."""
        documents = [
            {"document": each.document, "title": each.title, "tags": list(each.tags), "pinned": each.pinned}
            for each in self.documents
        ]
        return {
            "knowledge": self.slug,
            "source": dict(self.source),
            "documents": documents,
            "tags": list(self.tags),
            "weight": self.weight,
        }


@dataclass(frozen=True, slots=True)
class Callables:
    """Everything that a version may call, by slug."""

    functions: Mapping[str, FunctionPlan] = field(default_factory=dict[str, FunctionPlan])
    integrations: Mapping[str, IntegrationPlan] = field(default_factory=dict[str, IntegrationPlan])
    tools: Mapping[str, ToolPlan] = field(default_factory=dict[str, ToolPlan])
    mcp: Mapping[str, McpPlan] = field(default_factory=dict[str, McpPlan])
    knowledge: Mapping[str, KnowledgePlan] = field(default_factory=dict[str, KnowledgePlan])
    modules: Mapping[str, str] = field(default_factory=dict[str, str])
    """Code of all functions by the module name that others import: slugs with `_`."""
