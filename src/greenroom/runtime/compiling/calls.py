"""What a version may call or look up, compiled."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from greenroom.domain.entities import Body
from greenroom.runtime import bodies
from greenroom.runtime.call_plans import (
    AuthPlan,
    Callables,
    DocumentPlan,
    FunctionPlan,
    IntegrationPlan,
    KnowledgePlan,
    McpPlan,
    ToolPlan,
)
from greenroom.runtime.compiling.work import Compiling, name_of

_ASKED_FOR = re.compile(r"get_secret\(\s*[\"']([A-Z][A-Z0-9_]{0,63})[\"']")
_SECRET = re.compile(r"\{\{\s*secret\.([A-Z][A-Z0-9_]{0,63})\s*\}\}")


MAX_DELAYS = 10
LATEST_MS = 120_000


def compile_callables(work: Compiling) -> Callables:
    """Returns the functions, tools, servers and knowledge of a version."""
    functions = work.each("function", _function)
    shared = frozenset[str]().union(*(plan.secrets for plan in functions.values() if plan.role == "helper"))
    functions = {slug: replace(plan, secrets=plan.secrets | shared) for slug, plan in functions.items()}
    return Callables(
        functions=functions,
        integrations=work.each("integration", _integration),
        tools=work.each("tool", _tool),
        mcp=work.each("mcp", _mcp),
        knowledge={slug: plan for slug, plan in work.each("knowledge", _knowledge).items() if plan is not None},
        modules={slug.replace("-", "_"): plan.code for slug, plan in functions.items()},
    )


def secrets_in(text: str) -> frozenset[str]:
    """Returns the names that a text writes as `{{secret.NAME}}`, or code as `get_secret("NAME")`."""
    return frozenset([*_SECRET.findall(text), *_ASKED_FOR.findall(text)])


def _function(slug: str, body: Body) -> FunctionPlan:
    code = bodies.text(body, "code")
    return FunctionPlan(
        slug,
        name_of(slug, body),
        bodies.text(body, "description"),
        bodies.mapping(body.get("parameters")),
        code,
        bodies.text(body, "workflow"),
        bodies.text(body, "role") or "function",
        secrets_in(code),
        read_delays(bodies.mapping(body.get("latency"))),
    )


def read_delays(latency: Mapping[str, Any]) -> tuple[tuple[float, str], ...]:
    """Returns (after so many ms, what is said), in order, of a function's delay handling.

    `say_after_ms` and `say`, a text or a list of them, one each time so long has passed; or as PolyAI's exports have
    it: `delay_before_responses_start`, `delay_responses` ([text, how long saying it takes]) and
    `silence_after_each_response`, in seconds. What is of another form says nothing.
    """
    said = latency.get("say")
    texts = (bodies.text(latency, "say"),) if isinstance(said, str) else bodies.texts(latency, "say")
    pause = max(bodies.number(latency, "say_after_ms") or 0.0, 0.0)
    found = [(pause * (at + 1), text) for at, text in enumerate(texts)]
    now = bodies.number(latency, "delay_before_responses_start") or 0.0
    given = latency.get("delay_responses")
    for each in given if isinstance(given, list | tuple) else ():
        text, lasts = (*each, 0, 0)[:2] if isinstance(each, list | tuple) else (each, 0)
        if isinstance(text, str):
            found.append((max(now, 0.0) * 1000, bodies.clean(text)))
        now += lasts if isinstance(lasts, int | float) else 0
        now += bodies.number(latency, "silence_after_each_response") or 0.0
    kept = [(ms, text.strip()[:500]) for ms, text in found if text.strip() and ms <= LATEST_MS]
    return tuple(sorted(kept, key=lambda each: each[0])[:MAX_DELAYS])


def _auth(body: Body) -> AuthPlan:
    auth = bodies.mapping(body.get("auth"))
    return AuthPlan(
        bodies.text(auth, "type") or "none",
        bodies.text(auth, "secret"),
        bodies.text(auth, "username"),
        bodies.text(auth, "name"),
    )


def _pairs(body: Body, key: str) -> tuple[tuple[str, str], ...]:
    found = ((bodies.text(each, "name"), bodies.text(each, "value")) for each in bodies.objects(body, key))
    return tuple((name, value) for name, value in found if name)


def _integration(slug: str, body: Body) -> IntegrationPlan:
    return IntegrationPlan(
        slug,
        bodies.text(body, "base_url"),
        bodies.table(body, "base_urls"),
        _auth(body),
        _pairs(body, "headers"),
    )


def _tool(slug: str, body: Body) -> ToolPlan:
    result: Mapping[str, Any] = bodies.mapping(body.get("result"))
    return ToolPlan(
        slug,
        name_of(slug, body),
        bodies.text(body, "description"),
        bodies.text(body, "method") or "GET",
        bodies.text(body, "url"),
        bodies.text(body, "integration"),
        _pairs(body, "headers"),
        _pairs(body, "query"),
        body.get("body"),
        bodies.mapping(body.get("parameters")),
        bodies.text(result, "path"),
        bodies.text(result, "save_to"),
        bodies.whole(body, "timeout_ms") or 10_000,
        bodies.whole(body, "retries") or 0,
        bodies.flag(body, "confirm", False),
    )


def _mcp(slug: str, body: Body) -> McpPlan:
    return McpPlan(
        slug,
        bodies.text(body, "url"),
        bodies.table(body, "urls"),
        _auth(body),
        bodies.texts(body, "allowed_tools"),
        bodies.text(body, "prefix"),
        bodies.whole(body, "timeout_ms") or 10_000,
    )


def _knowledge(slug: str, body: Body) -> KnowledgePlan | None:
    if not bodies.flag(body, "enabled", True):
        return None
    documents = tuple(
        DocumentPlan(
            bodies.text(each, "document"),
            bodies.text(each, "title"),
            bodies.texts(each, "tags"),
            bodies.text(each, "pinned"),
        )
        for each in bodies.objects(body, "documents")
    )
    weight = bodies.number(body, "weight")
    return KnowledgePlan(
        slug,
        name_of(slug, body),
        bodies.mapping(body.get("source")),
        documents,
        bodies.texts(body, "tags"),
        1.0 if weight is None else float(weight),
    )
