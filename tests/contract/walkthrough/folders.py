"""What changed between two PolyAI exports, read from their files alone: none of our code is used here."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

KINDS = ("topic", "function", "workflow", "handoff", "sms")

Things = Mapping[tuple[str, str], Any]
"""(kind, name in plain letters) → everything that the files say about the thing."""


@dataclass(frozen=True)
class Change:
    """One thing that is not the same in both folders; `parts` are what of it changed (edited ones only)."""

    op: str
    parts: frozenset[str] = frozenset()


def plain(name: str) -> str:
    """Returns a name without what may be spelled differently elsewhere: case and punctuation."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def compare_folders(before: Path, after: Path) -> dict[tuple[str, str], Change]:
    """Returns what was added, removed and edited, kind by kind."""
    old, new = dict(things(before)), dict(things(after))
    found: dict[tuple[str, str], Change] = {}
    for name in old.keys() | new.keys():
        if name not in old:
            found[name] = Change("added")
        elif name not in new:
            found[name] = Change("removed")
        elif old[name] != new[name]:
            parts = {part for part in old[name].keys() | new[name].keys() if old[name].get(part) != new[name].get(part)}
            found[name] = Change("edited", frozenset(parts))
    return found


def things(folder: Path) -> Iterator[tuple[tuple[str, str], dict[str, Any]]]:
    """Yields everything of the compared kinds that a folder holds."""
    for path in folder.glob("topics/*.yaml"):
        yield ("topic", plain(path.stem)), topic(read(path))
    for path in folder.glob("functions/*.py"):
        yield ("function", plain(path.stem)), {"code": path.read_bytes()}
    for path in (*folder.glob("flows/*/functions/*.py"), *folder.glob("flows/*/function_steps/*.py")):
        flow = path.parts[-3]
        yield ("function", plain(f"{flow} {path.stem}")), {"code": path.read_bytes()}
    for path in folder.glob("flows/*/flow_config.yaml"):
        yield ("workflow", plain(path.parent.name)), flow_of(path.parent)
    for item in listed(folder, "config/handoffs.yaml", "handoffs"):
        yield ("handoff", plain(item["name"])), handoff(item)
    for item in listed(folder, "config/sms_templates.yaml", "sms_templates"):
        yield ("sms", plain(item["name"])), template(item)


def topic(value: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": value["name"],
        "enabled": value.get("enabled", "true"),
        "sample_questions": list(dict.fromkeys(value.get("example_queries") or [])),
        "content": value.get("content", ""),
        "instructions": value.get("actions", ""),
    }


def flow_of(folder: Path) -> dict[str, Any]:
    config = read(folder / "flow_config.yaml")
    return {
        "name": config.get("name"),
        "description": config.get("description", ""),
        "start": config.get("start_step"),
        "steps": {path.stem: read(path) for path in folder.glob("steps/*.yaml")}
        | {path.stem: "function" for path in folder.glob("function_steps/*.py")},
    }


def handoff(value: Mapping[str, Any]) -> dict[str, Any]:
    sip = value.get("sip_config") or {}
    return {
        "description": value.get("description", ""),
        "default": value.get("is_default", "false"),
        "method": sip.get("method", "refer"),
        "destination": (sip.get("phone_number", ""), sip.get("outbound_endpoint", "")),
        "sip_headers": value.get("sip_headers") or [],
    }


def template(value: Mapping[str, Any]) -> dict[str, Any]:
    numbers = value.get("env_phone_numbers") or {}
    return {"text": value["text"], "senders": {name: number for name, number in numbers.items() if number}}


def read(path: Path) -> Any:
    """Returns a YAML file with every scalar as the text that stands there."""
    return yaml.load(path.read_text("utf-8"), Loader=yaml.BaseLoader) if path.exists() else {}


def listed(folder: Path, path: str, key: str) -> list[Any]:
    return read(folder / path).get(key) or []
