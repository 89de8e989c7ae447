"""The OpenAPI document is complete, and what was generated from the code is what the code says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import greenroom
from greenroom.api import reference
from greenroom.api.app import lay_out
from greenroom.domain.access import PERMISSIONS

DOCS = Path(__file__).parents[3] / "docs" / "reference"
MILESTONE = """
POST /projects
GET /projects
GET /projects/{project}
PATCH /projects/{project}
DELETE /projects/{project}
POST /projects/{project}/import
GET /projects/{project}/export
GET /projects/{project}/content
GET /projects/{project}/content/{kind}/{slug}
GET /projects/{project}/content/{kind}/{slug}/history
GET /projects/{project}/kinds
POST /projects/{project}/migrate
GET /projects/{project}/aliases
POST /projects/{project}/merges
GET /projects/{project}/environments
POST /projects/{project}/environments
PATCH /projects/{project}/environments/{alias}
DELETE /projects/{project}/environments/{alias}
GET /projects/{project}/environments/{alias}
GET /projects/{project}/environments/{alias}/releases
GET /projects/{project}/environments/{alias}/draft
PUT /projects/{project}/environments/{alias}/draft/{kind}/{slug}
DELETE /projects/{project}/environments/{alias}/draft/{kind}/{slug}
POST /projects/{project}/environments/{alias}/draft/discard
GET /projects/{project}/environments/{alias}/draft/discarded
POST /projects/{project}/environments/{alias}/draft/restore
POST /projects/{project}/environments/{alias}/draft/load
POST /projects/{project}/environments/{alias}/draft/presence
POST /projects/{project}/environments/{alias}/draft/checkpoints
GET /projects/{project}/environments/{alias}/draft/checkpoints
POST /projects/{project}/environments/{alias}/draft/checkpoints/{checkpoint}/load
DELETE /projects/{project}/environments/{alias}/draft/checkpoints/{checkpoint}
POST /projects/{project}/environments/{alias}/draft/rebase
POST /projects/{project}/environments/{alias}/publish
POST /projects/{project}/environments/{alias}/promote
POST /projects/{project}/environments/{alias}/rollback
GET /projects/{project}/environments/{alias}/readiness
GET /projects/{project}/versions
GET /projects/{project}/versions/{number}
PATCH /projects/{project}/versions/{number}
GET /projects/{project}/compare
GET /projects/{project}/resolve
GET /projects/{project}/numbers
POST /projects/{project}/numbers
GET /projects/{project}/numbers/{phone}
PATCH /projects/{project}/numbers/{phone}
DELETE /projects/{project}/numbers/{phone}
GET /projects/{project}/split
PUT /projects/{project}/split
GET /projects/{project}/split/history
GET /conversations/{id}/why
GET /projects/{project}/testers
POST /projects/{project}/testers
DELETE /projects/{project}/testers/{tester}
GET /projects/{project}/share-links
POST /projects/{project}/share-links
DELETE /projects/{project}/share-links/{link}
GET /projects/{project}/bundles/{digest}
POST /projects/{project}/conversations
GET /projects/{project}/conversations
POST /conversations/{id}/turns
GET /conversations/{id}
POST /conversations/{id}/end
POST /projects/{project}/test-runs
GET /projects/{project}/test-runs
GET /projects/{project}/test-runs/{run}
POST /projects/{project}/test-runs/{run}/cancel
POST /conversations/{id}/replay
GET /projects/{project}/analytics
GET /projects/{project}/analytics/compare
GET /projects/{project}/evaluations
GET /projects/{project}/evaluations/{evaluation}
PUT /projects/{project}/evaluations/{evaluation}
DELETE /projects/{project}/evaluations/{evaluation}
POST /projects/{project}/evaluations/{evaluation}/run
POST /projects/{project}/evaluations/{evaluation}/cancel
GET /projects/{project}/evaluations/{evaluation}/results
GET /conversations/{id}/review
POST /conversations/{id}/tags
DELETE /conversations/{id}/tags/{tag}
POST /conversations/{id}/notes
POST /conversations/{id}/feedback
GET /projects/{project}/tags
POST /conversations/{id}/erase
POST /projects/{project}/erasures
GET /projects/{project}/tickets
GET /projects/{project}/tickets/{ticket}
POST /projects/{project}/tickets/{ticket}/assign
POST /projects/{project}/tickets/{ticket}/close
GET /projects/{project}/executions
POST /projects/{project}/tables
GET /projects/{project}/tables
GET /projects/{project}/tables/{table}
PATCH /projects/{project}/tables/{table}
DELETE /projects/{project}/tables/{table}
GET /projects/{project}/tables/{table}/rows
POST /projects/{project}/tables/{table}/rows
DELETE /projects/{project}/tables/{table}/rows
POST /projects/{project}/tables/{table}/import
GET /projects/{project}/tables/{table}/export
GET /projects/{project}/knowledge/documents
POST /projects/{project}/knowledge/documents
POST /projects/{project}/knowledge/uploads
GET /projects/{project}/knowledge/documents/{document}
DELETE /projects/{project}/knowledge/documents/{document}
GET /projects/{project}/knowledge/sources
POST /projects/{project}/knowledge/sources/{slug}/sync
GET /projects/{project}/knowledge/search
GET /projects/{project}/secrets
PUT /projects/{project}/secrets/{name}
DELETE /projects/{project}/secrets/{name}
PUT /projects/{project}/secrets/{name}/overrides/{alias}/{side}
DELETE /projects/{project}/secrets/{name}/overrides/{alias}/{side}
POST /projects/{project}/secrets/rotate
GET /projects/{project}/connections
GET /projects/{project}/connections/{slug}
PUT /projects/{project}/connections/{slug}
DELETE /projects/{project}/connections/{slug}
GET /projects/{project}/widgets/{widget}
GET /projects/{project}/history
GET /audit
GET /audit/verify
POST /api-keys
GET /api-keys
DELETE /api-keys/{id}
GET /me
"""
"""What of 4-api.md belongs to this milestone."""
BESIDE = {"GET /healthz", "GET /readyz", "GET /metrics"}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return lay_out().openapi()


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def test_the_document_has_every_operation_of_the_milestone_and_no_other(document: dict[str, Any]) -> None:
    wanted = {line.replace(" ", " /api/v1", 1) for line in MILESTONE.split("\n") if line}
    assert operations(document).keys() == wanted | BESIDE


def test_it_says_that_it_is_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    assert document["info"]["title"] == "Greenroom"


def test_every_operation_is_named_summarised_and_tagged_by_its_noun(document: dict[str, Any]) -> None:
    seen: set[str] = set()
    tags = {tag["name"] for tag in document["tags"]}
    for place, operation in operations(document).items():
        name = operation["operationId"]
        assert re.fullmatch(r"[a-z_]+\.[a-z_]+", name), place
        assert operation["tags"] == [name.partition(".")[0]]
        assert operation["tags"][0] in tags
        assert operation["summary"].split()[0].endswith("s"), f"{place}: summaries are in the third person"
        assert name not in seen
        seen.add(name)


def test_every_error_is_a_problem_and_every_answer_has_its_shape(document: dict[str, Any]) -> None:
    for place, operation in operations(document).items():
        for status, answer in operation["responses"].items():
            if status >= "400":
                (kind,) = answer["content"]
                assert kind == "application/problem+json"
                assert answer["content"][kind]["schema"] == {"$ref": "#/components/schemas/Problem"}
            elif status not in ("204", "304"):
                assert answer["content"], place
                for content in answer["content"].values():
                    assert content["schema"], place
        assert {"500", "503"} <= operation["responses"].keys()
        if operation["security"]:
            assert {"401", "403", "404", "422"} <= operation["responses"].keys()


def test_every_write_takes_an_idempotency_key_and_no_read_does(document: dict[str, Any]) -> None:
    for place, operation in operations(document).items():
        names = {parameter["name"] for parameter in operation.get("parameters", [])}
        assert ("Idempotency-Key" in names) == (not place.startswith("GET ")), place


def test_release_operations_can_be_tried_without_effect(document: dict[str, Any]) -> None:
    for place, operation in operations(document).items():
        if place.endswith(
            ("/publish", "/promote", "/rollback", "{project}/import", "PUT /api/v1/projects/{project}/split")
        ):
            assert "dry_run" in {parameter["name"] for parameter in operation["parameters"]}, place


def test_a_verb_has_one_spelling_in_operation_and_permission(document: dict[str, Any]) -> None:
    ids = {operation["operationId"] for operation in operations(document).values()}
    for permission in (
        "releases.publish",
        "releases.promote",
        "releases.roll_back",
        "versions.mark",
        "projects.create",
        "projects.delete",
        "conversations.start",
    ):
        assert permission in ids
        assert permission in PERMISSIONS


def test_pages_of_documentation_that_load_scripts_are_not_there() -> None:
    paths = {getattr(route, "path", "") for route in lay_out().routes}
    assert not paths & {"/docs", "/redoc", "/openapi.json"}


@pytest.mark.parametrize("name", ["errors.md", "openapi.json"])
def test_what_was_generated_is_up_to_date(name: str) -> None:
    if name == "errors.md":
        wanted = reference.describe_errors(Path(greenroom.__file__).parent).encode()
    else:
        wanted = reference.write_document()
    assert (DOCS / name).read_bytes() == wanted, "run: .venv/bin/python -m greenroom.api.reference"


def test_every_family_says_what_to_do_next() -> None:
    assert reference.NEXT.keys() == {reference.family_of(error) for error in reference.TABLE}
