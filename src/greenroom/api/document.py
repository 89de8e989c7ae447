"""The OpenAPI document, generated from the operations and finished with what FastAPI cannot know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.routing import BaseRoute

from greenroom.api.problems import MEDIA_TYPE
from greenroom.wire.problems import Problem

READ_STATUSES: Final = {
    "400": "The request cannot be read.",
    "404": "Nothing by that name, or nothing that the caller may know of.",
    "409": "The rules say no: nothing is served here, this environment has no drafts …",
    "422": "The input is wrong; `errors` says where.",
}
WRITE_STATUSES: Final = {
    "408": "The body did not arrive in time.",
    "409": "Two changes meet, or the rules say no.",
    "412": "What the caller looked at has changed.",
    "413": "Too much or too large.",
    "415": "The body is not JSON.",
    "428": "A precondition or confirmation is missing.",
}
CALLER_STATUSES: Final = {"401": "Nobody known asks.", "403": "The caller may not."}
ALL_STATUSES: Final = {
    "500": "A fault of the server; its log has it under `incident`.",
    "503": "A part that is needed is not there for now.",
}
IDEMPOTENCY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Makes repeating safe: the same key with the same request has one effect and one answer.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]([ -~]*[!-~])?$"},
}
TAGS: Final = {
    "projects": "One agent system and everything about it.",
    "content": "Entities at any ref.",
    "kinds": "What entities can be.",
    "test_runs": "Test sets played against a ref, with results bound to what was tested.",
    "environments": "Named places where a version runs and receives traffic.",
    "drafts": "Working states, saved one entity at a time.",
    "checkpoints": "What a draft held at a moment, under a name.",
    "releases": "Publish, promote, roll back.",
    "merges": "One environment's work brought into another, three-way.",
    "readiness": "Whether an environment has what a version needs.",
    "versions": "Published snapshots, and comparisons.",
    "traffic": "Which version serves a key.",
    "numbers": "Telephone numbers, and where each leads.",
    "splits": "How the default entry's traffic is shared out, and why a conversation came in where it did.",
    "testers": "Named people who are led to one environment.",
    "share_links": "Tokens that lead to one environment for a while.",
    "bundles": "Complete snapshots by digest.",
    "conversations": "Exchanges with users.",
    "transcripts": "What people say of conversations: tags, notes, feedback.",
    "erasures": "What a person said, forgotten.",
    "tickets": "Conversations that wait for a person.",
    "executions": "What turns called, with arguments, answers and times.",
    "tables": "Data tables that functions and workflows read and write.",
    "knowledge": "Documents, where they come from, and what is found in them.",
    "secrets": "Values that agents use and nobody sees.",
    "connections": "Providers and help centres, by the project.",
    "results": "How public conversations went, and arms compared.",
    "evaluations": "Questions that are asked of every conversation, judged by rules or a model.",
    "widgets": "The web chat's look, as an environment serves it.",
    "history": "Everything that happened in a project.",
    "audit": "The hash-chained record of the workspace.",
    "keys": "API keys.",
    "me": "Who the caller is.",
    "health": "Whether this process lives and may be sent traffic.",
    "metrics": "Figures for Prometheus.",
}


def describe_api(app: FastAPI, routes: Sequence[BaseRoute]) -> dict[str, Any]:
    """Returns the OpenAPI 3.1 document of routes, in their order; made once."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title,
            version=app.version,
            summary=app.summary,
            openapi_version="3.1.0",
            routes=routes,
            tags=[{"name": name, "description": text} for name, text in TAGS.items()],
        )
        _finish(document)
        app.openapi_schema = document
    return app.openapi_schema


def _finish(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs"))
    schemas["Problem"] = problem
    document["components"]["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer", "description": "An API key: gr_…"},
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": "gr_session",
            "description": "A signed-in browser; writes also send its token in X-Greenroom-CSRF.",
        },
    }
    for methods in document["paths"].values():
        for method, operation in methods.items():
            _finish_operation(method, operation)


def _finish_operation(method: str, operation: dict[str, Any]) -> None:
    is_open = operation.pop("x-open")
    responses = operation["responses"]
    responses.pop("422", None)
    statuses = {**ALL_STATUSES, **({} if is_open else {**READ_STATUSES, **CALLER_STATUSES})}
    if method != "get":
        statuses |= WRITE_STATUSES
        operation.setdefault("parameters", []).append(IDEMPOTENCY)
    operation["security"] = [] if is_open else [{"key": []}, {"session": []}]
    for status, text in sorted(statuses.items()):
        schema = {"$ref": "#/components/schemas/Problem"}
        responses[status] = {"description": text, "content": {MEDIA_TYPE: {"schema": schema}}}
    for status, found in responses.items():
        # Answers of bytes declare their own kind; FastAPI adds an empty JSON one beside it.
        content = found.get("content", {})
        if len(content) > 1 and content.get("application/json") == {"schema": {}}:
            del content["application/json"]
        if status == "204":
            found.pop("content", None)
