"""flows/<flow>/ → workflow, with its steps; the functions in it are laid down by functions.py."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from greenroom.domain.entities import Address, slugify
from greenroom.importers.polyai.desk import Desk
from greenroom.importers.polyai.functions import Module
from greenroom.importers.polyai.mentions import Rewriter
from greenroom.importers.polyai.names import Names, clean
from greenroom.importers.polyai.sheets import Sheet

CARRIED = "carried in the step's settings; no runtime here reads it yet"


@dataclass(slots=True)
class Flow:
    """The files of one flow folder."""

    folder: str
    config: Sheet | None = None
    steps: list[Sheet] = field(default_factory=list[Sheet])
    modules: list[Module] = field(default_factory=list[Module])
    ids: dict[str, str] = field(default_factory=dict[str, str])
    taken: dict[str, str] = field(default_factory=dict[str, str])


def name_flows(flows: dict[str, Flow], names: Names, desk: Desk) -> dict[str, str]:
    """Returns folder → slug; notes a fault for a folder without flow_config.yaml."""
    slugs: dict[str, str] = {}
    for folder, flow in flows.items():
        path = f"flows/{folder}/flow_config.yaml"
        if flow.config is None and path not in desk.files:
            desk.fault(path, 1, "the file is missing", f"flows/{folder} is no flow without it", "missing_file")
        slugs[folder] = names.assign("workflow", folder, path)
    return slugs


NEEDS_MODEL = "a model carries it out, with the flow's functions; an agent without one leaves the flow here"


def read_flow(flow: Flow, slug: str, desk: Desk, rewriter: Rewriter) -> None:
    """Lays down one workflow; its functions have their slugs already."""
    config, address = flow.config, Address("workflow", slug)
    paths = [step.path for step in flow.steps] + [each.path for each in flow.modules if each.is_step]
    for path in paths:
        stem = path.rpartition("/")[2].rpartition(".")[0]
        flow.ids[path] = rewriter.names.pick(slugify(stem), stem, path, flow.taken, "step", address)
    if config is None:
        return
    steps = [_read_step(step, flow, address, rewriter) for step in flow.steps]
    steps += [_function_step(module, flow, address, desk) for module in flow.modules if module.is_step]
    body = {
        "name": config.text("name") or flow.folder,
        "description": config.text("description"),
        "start": _start(config, steps, flow),
        "steps": steps,
    }
    desk.put(address, config.path, body)
    desk.read(config.path, "flow", address)
    config.close()


def _read_step(sheet: Sheet, flow: Flow, address: Address, rewriter: Rewriter) -> dict[str, Any]:
    name = sheet.needed("name")
    text = rewriter.text(sheet.text("prompt"), sheet.path, flow.folder)
    for key in ("asr_biasing", "dtmf_config"):
        sheet.mapping(key)
    sheet.texts("extracted_entities")
    for condition in sheet.sheets("conditions"):
        condition.needed("condition_type")
        condition.texts("required_entities")
    settings = {key: item for key, item in sheet.value.items() if key not in ("name", "prompt")}
    desk = sheet.desk
    desk.read(sheet.path, "flow step", address, reason=NEEDS_MODEL)
    for key, item in settings.items():
        count = len(item) if isinstance(item, list) else int(item is not None)
        desk.note(sheet.path, f"step {key}", "kept", CARRIED, count=count, address=address)
    sheet.rest()
    sheet.close_comments()
    return {
        "id": flow.ids[sheet.path],
        "name": name,
        "type": "prompt",
        "text": text,
        "settings": settings,
    }


def _function_step(module: Module, flow: Flow, address: Address, desk: Desk) -> dict[str, Any]:
    desk.read(module.path, "flow step", address)
    return {"id": flow.ids[module.path], "name": module.stem, "type": "function", "function": module.slug}


def _start(config: Sheet, steps: list[dict[str, Any]], flow: Flow) -> str:
    """Returns the id of the first step: by display name, by that name as the ADK cleans it, then by file."""
    wanted = config.needed("start_step")
    functions = {module.stem: flow.ids[module.path] for module in flow.modules if module.is_step}
    named = [step for step in steps if step["type"] == "prompt"]
    for match in (
        next((step["id"] for step in named if step["name"] == wanted), None),
        functions.get(wanted),
        next((step["id"] for step in named if clean(step["name"]) == clean(wanted)), None),
    ):
        if match is not None:
            return str(match)
    # A step file that could not be read is a fault already; the name of its step is not a second one.
    unread = any(fault.pointer.startswith(f"flows/{flow.folder}/") for fault in config.desk.faults)
    if wanted.strip() and not unread:
        names = ", ".join([step["name"] for step in named] + list(functions)) or "none"
        config.fault("start_step", f"there is no step '{wanted[:80]}'", f"steps are: {names[:300]}", "unknown_step")
    return ""
