"""Every function of real exports: how many parse, pass the check and run with a plain conversation."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from greenroom.domain.asks import Answer
from greenroom.importers.polyai import read_project
from greenroom.providers.clock import SystemClock
from greenroom.providers.sandbox import MontySandbox
from greenroom.providers.sandbox.sources import read_source
from tests.contract.importers import report
from tests.support.functions import ScriptedReach, call
from tests.support.gaps import note_fact

FOLDERS = report.exports()
VALUES: dict[str, Any] = {"string": "x", "integer": 1, "number": 1.5, "boolean": True}


def arguments_of(body: dict[str, Any]) -> dict[str, Any]:
    properties: dict[str, Any] = body.get("parameters", {}).get("properties", {})
    return {name: VALUES[schema.get("type", "string")] for name, schema in properties.items()}


def functions_of(folder: Path) -> dict[str, dict[str, Any]]:
    entities = read_project(report.files_of(folder)).entities
    return {address.slug: dict(body) for address, body in entities.items() if address.kind == "function"}


async def run(sandbox: MontySandbox, slug: str, body: dict[str, Any], modules: dict[str, str]) -> Answer:
    facts = call(body["code"], function=slug, arguments=arguments_of(body), modules=modules)
    return await sandbox.run(facts, ScriptedReach())


@pytest.mark.parametrize("folder", FOLDERS, ids=report.name_of)
async def test_functions_of_an_export_run(folder: Path, sandbox: MontySandbox) -> None:
    functions = functions_of(folder)
    modules = {slug.replace("-", "_"): str(body["code"]) for slug, body in functions.items()}
    counts, failed, clock = Counter[str](), list[str](), SystemClock()
    begun = clock.monotonic_ms()
    for slug, body in functions.items():
        await sandbox.check(slug, body["code"], modules)
    checked = (clock.monotonic_ms() - begun) / len(functions)
    for slug, body in functions.items():
        read_source(body["code"])
        counts["parse"] += 1
        faults = await sandbox.check(slug, body["code"], modules)
        # A module of helpers defines nothing to call, and that is all that may be said of it.
        is_helper = body.get("role") == "helper"
        told = [fault for fault in faults if not (is_helper and fault.code == "function_no_entry")]
        counts["pass the check"] += not told
        failed += [f"{slug}: {fault.message}" for fault in told]
        if is_helper:
            counts["are helpers with nothing to call"] += 1
            continue
        answer = await run(sandbox, slug, body, modules)
        counts["run"] += "error" not in answer
        failed += [f"{slug}: {answer['error']}"] if "error" in answer else []
    told = ", ".join(f"{number} {what}" for what, number in counts.items())
    name = report.name_of(folder)
    note_fact(f"sandbox: {name}: of {len(functions)} functions {told}; {checked:.0f} ms to check one")
    assert not failed
    assert counts["run"] + counts["are helpers with nothing to call"] == counts["parse"] == len(functions) > 0
