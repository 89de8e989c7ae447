"""Real PolyAI exports, counted a second time straight from their files, without the importer's code."""

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from greenroom.domain.entities import Address, Body, freeze_body, parse_address
from greenroom.domain.references import PLACEHOLDER, Link, check_links, walk_texts
from greenroom.importers.polyai import read_project
from greenroom.kinds import KINDS
from greenroom.wire.imports import Imported
from tests.contract.importers import report
from tests.support.gaps import note_fact

FOLDERS = report.exports()
OUTCOMES: dict[Path, Imported] = {}


@pytest.fixture(params=FOLDERS, ids=report.name_of)
def folder(request: pytest.FixtureRequest) -> Path:
    return request.param


@pytest.fixture
def imported(folder: Path) -> Imported:
    if folder not in OUTCOMES:
        OUTCOMES[folder] = read_project(report.files_of(folder))
    return OUTCOMES[folder]


def read(path: Path) -> Any:
    """Returns a YAML file with every scalar as the text that stands there."""
    return yaml.load(path.read_text(), Loader=yaml.BaseLoader) if path.exists() else {}


def listed(folder: Path, path: str, key: str) -> list[Any]:
    return read(folder / path).get(key) or []


def bodies(imported: Imported, kind: str) -> list[Body]:
    return [found for address, found in imported.entities.items() if address.kind == kind]


def one(imported: Imported, address: str) -> Body:
    return imported.entities.get(parse_address(address), {})


def size(values: Iterable[Any]) -> int:
    return sum(1 for _ in values)


RESPONSES = "voice/response_control"
SPEECH = "voice/speech_recognition"

Count = Callable[[Path], int]
Held = Callable[[Imported], int]

COUNTS: Mapping[str, tuple[Count, Held]] = {
    "topics": (
        lambda folder: size(folder.glob("topics/*.yaml")),
        lambda made: len(bodies(made, "topic")),
    ),
    "sample questions": (
        lambda folder: sum(len(set(read(path)["example_queries"])) for path in folder.glob("topics/*.yaml")),
        lambda made: sum(len(found.get("sample_questions", ())) for found in bodies(made, "topic")),
    ),
    "sample questions, repeated ones too": (
        lambda folder: sum(len(read(path)["example_queries"]) for path in folder.glob("topics/*.yaml")),
        lambda made: sum(row.count for row in made.report if row.item.endswith("sample question")),
    ),
    "flows": (
        lambda folder: size(folder.glob("flows/*/flow_config.yaml")),
        lambda made: len(bodies(made, "workflow")),
    ),
    "steps": (
        lambda folder: size(folder.glob("flows/*/steps/*.yaml")),
        lambda made: size(s for found in bodies(made, "workflow") for s in found["steps"] if s["type"] == "prompt"),
    ),
    "function steps": (
        lambda folder: size(folder.glob("flows/*/function_steps/*.py")),
        lambda made: size(s for found in bodies(made, "workflow") for s in found["steps"] if s["type"] == "function"),
    ),
    "functions": (
        lambda folder: size(folder.glob("functions/*.py")) + size(folder.glob("flows/*/*/*.py")),
        lambda made: len(bodies(made, "function")),
    ),
    "hand-offs": (
        lambda folder: len(listed(folder, "config/handoffs.yaml", "handoffs")),
        lambda made: len(bodies(made, "handoff")),
    ),
    "SMS templates": (
        lambda folder: len(listed(folder, "config/sms_templates.yaml", "sms_templates")),
        lambda made: len(bodies(made, "sms")),
    ),
    "sender numbers": (
        lambda folder: size(
            number
            for template in listed(folder, "config/sms_templates.yaml", "sms_templates")
            for number in template.get("env_phone_numbers", {}).values()
            if number
        ),
        lambda made: sum(len(found.get("senders", ())) for found in bodies(made, "sms")),
    ),
    "variants": (
        lambda folder: len(listed(folder, "config/variant_attributes.yaml", "variants")),
        lambda made: len(one(made, "variant/default").get("rows", ())),
    ),
    "variant values": (
        lambda folder: sum(
            len(each["values"]) for each in listed(folder, "config/variant_attributes.yaml", "attributes")
        ),
        lambda made: sum(len(row.get("values", ())) for row in one(made, "variant/default").get("rows", ())),
    ),
    "entity definitions": (
        lambda folder: len(listed(folder, "config/entities.yaml", "entities")),
        lambda made: sum(row.count for row in made.report if row.item == "entity definition"),
    ),
    "pronunciations": (
        lambda folder: len(listed(folder, f"{RESPONSES}/pronunciations.yaml", "pronunciations")),
        lambda made: len(one(made, "response_control/main").get("pronunciations", ())),
    ),
    "stop phrases": (
        lambda folder: len(listed(folder, f"{RESPONSES}/phrase_filtering.yaml", "phrase_filtering")),
        lambda made: len(one(made, "response_control/main").get("stop_phrases", ())),
    ),
    "stop phrase patterns": (
        lambda folder: sum(
            len(each["regular_expressions"])
            for each in listed(folder, f"{RESPONSES}/phrase_filtering.yaml", "phrase_filtering")
        ),
        lambda made: sum(len(each["patterns"]) for each in one(made, "response_control/main").get("stop_phrases", ())),
    ),
    "corrections": (
        lambda folder: len(listed(folder, f"{SPEECH}/transcript_corrections.yaml", "corrections")),
        lambda made: len(one(made, "response_control/main").get("corrections", ())),
    ),
    "correction patterns": (
        lambda folder: sum(
            len(each["regular_expressions"])
            for each in listed(folder, f"{SPEECH}/transcript_corrections.yaml", "corrections")
        ),
        lambda made: sum(len(each["patterns"]) for each in one(made, "response_control/main").get("corrections", ())),
    ),
    "keyphrases": (
        lambda folder: len(listed(folder, f"{SPEECH}/keyphrase_boosting.yaml", "keyphrases")),
        lambda made: len(one(made, "response_control/main").get("keyphrases", ())),
    ),
    "test cases": (
        lambda folder: size(folder.glob("test_suite/*.yaml")),
        lambda made: len(one(made, "test_set/imported").get("cases", ())),
    ),
    "assertions": (
        lambda folder: sum(len(read(path)["prompt_assertions"]) for path in folder.glob("test_suite/*.yaml")),
        lambda made: sum(len(case.get("judged", ())) for case in one(made, "test_set/imported").get("cases", ())),
    ),
    "function call assertions": (
        lambda folder: sum(
            len(read(path).get("function_call_assertions") or ()) for path in folder.glob("test_suite/*.yaml")
        ),
        lambda made: sum(
            len(case.get("expect", {}).get("called", ())) for case in one(made, "test_set/imported").get("cases", ())
        ),
    ),
    "test tags": (
        lambda folder: sum(len(read(path).get("tags", ())) for path in folder.glob("test_suite/*.yaml")),
        lambda made: sum(len(case.get("tags", ())) for case in one(made, "test_set/imported").get("cases", ())),
    ),
    "languages": (
        lambda folder: 1 + len(listed(folder, "agent_settings/languages.yaml", "additional_languages")),
        lambda made: len(one(made, "agent/main")["languages"]),
    ),
}


@pytest.mark.parametrize("thing", COUNTS)
def test_nothing_is_lost_or_made_up(folder: Path, imported: Imported, thing: str) -> None:
    there, here = COUNTS[thing]
    assert here(imported) == there(folder)


def test_every_file_is_accounted_for(folder: Path, imported: Imported) -> None:
    assert {row.path for row in imported.report} == set(report.files_of(folder))
    assert all(row.reason for row in imported.report if row.status != "read")
    known = {*imported.entities, None}
    assert not [row for row in imported.report if row.address not in known]


def test_every_entity_is_in_the_report(imported: Imported) -> None:
    assert set(imported.entities) == {row.address for row in imported.report} - {None}


def test_functions_are_equal_to_the_byte(folder: Path, imported: Imported) -> None:
    for path in [*folder.glob("functions/*.py"), *folder.glob("flows/*/*/*.py")]:
        parts = path.relative_to(folder).parts
        slug = f"{parts[1]}--{path.stem}" if parts[0] == "flows" else path.stem
        assert one(imported, f"function/{slug}")["code"].encode() == path.read_bytes()


def test_kept_files_are_equal_to_the_byte(folder: Path, imported: Imported) -> None:
    kept = one(imported, "settings/default")["imported_files"]
    assert all(each["text"].encode() == (folder / each["path"]).read_bytes() for each in kept)
    assert {each["path"] for each in kept} >= {
        row.path for row in imported.report if row.address == Address("settings", "default") and row.status != "read"
    }


def plain(text: str) -> str:
    """Returns a text without what a reference is written with, ours or theirs."""
    text = re.sub(r"\{\{\w+:([\w-]+)\}\}", lambda match: f"<{match[1].lower()}>", text)
    text = PLACEHOLDER.sub(lambda match: f"<{match[2].rpartition('--')[2]}>", text)
    return re.sub(r"\$([A-Za-z_]\w*)", lambda match: f"<{match[1].lower()}>", text)


def test_texts_are_the_same_but_for_references(folder: Path, imported: Imported) -> None:
    for path in folder.glob("topics/*.yaml"):
        there, here = read(path), one(imported, f"topic/{path.stem}")
        assert here["name"] == there["name"]
        assert plain(here.get("content", "")) == plain(there["content"])
        assert plain(here.get("instructions", "")) == plain(there["actions"])
    for path in folder.glob("flows/*/steps/*.yaml"):
        steps = {step["id"]: step for step in one(imported, f"workflow/{path.parts[-3]}")["steps"]}
        assert plain(steps[path.stem]["text"]) == plain(read(path)["prompt"])
    rules = (folder / "agent_settings/rules.txt").read_bytes().decode()
    assert plain(one(imported, "agent/main")["instructions"]) == plain(rules)


def test_no_reference_is_left_in_their_form(imported: Imported) -> None:
    for address, found in imported.entities.items():
        if address.kind in ("topic", "workflow", "agent", "sms"):
            for pointer, text in walk_texts(found):
                assert not re.search(r"\{\{\w+:", text), f"{address}{pointer}"


def test_every_reference_resolves(imported: Imported) -> None:
    links = [
        Link(address, mention)
        for address, found in imported.entities.items()
        for mention in KINDS[address.kind].mentions(found)
    ]
    found = check_links(links, lambda address: address in imported.entities, frozenset(KINDS))
    assert found == ((), ())
    assert links


def test_bodies_are_in_their_stored_form_and_not_too_large(imported: Imported) -> None:
    for address, found in imported.entities.items():
        assert KINDS[address.kind].complete(found) == found
        freeze_body(found)


def test_reading_again_gives_the_same(folder: Path, imported: Imported) -> None:
    assert read_project(report.files_of(folder)) == imported


def test_the_report_can_be_printed() -> None:
    outcomes = {report.name_of(folder): read_project(report.files_of(folder)) for folder in FOLDERS}
    text = report.table(outcomes)
    note_fact(text)
    assert "all kept" in text
