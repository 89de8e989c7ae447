"""A whole ADK project: files in, entities and a report out, or one refusal that lists every fault."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from greenroom.domain.canonical import Json
from greenroom.domain.errors import Fault, Invalid
from greenroom.importers.polyai import agent, cases, config, flows, functions, guards, layout, settle, topics
from greenroom.importers.polyai.controls import Controls
from greenroom.importers.polyai.desk import AGENT, SETTINGS, Desk
from greenroom.importers.polyai.mentions import Rewriter
from greenroom.importers.polyai.names import Names
from greenroom.importers.polyai.sheets import Sheet, open_sheet
from greenroom.wire.imports import Imported

NO_PROJECT = "project.yaml is missing"


def read_project(files: Mapping[str, bytes]) -> Imported:
    """Returns the entities that an ADK project becomes, with an account of every file.

    `files` maps relative paths with `/` to bytes, with or without the project's own folder at their head. Raises
    Invalid (`import_refused`) when anything in the folder is broken or unknown; its errors list every fault as
    `path:line`, and nothing is imported.
    """
    desk = Desk(layout.unwrap(files))
    shelves = layout.sort_files(desk)
    project = _Project(desk, shelves)
    project.read()
    if not desk.faults:
        settle.settle(desk)
    if desk.faults:
        faults = sorted(desk.faults, key=_place)
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        detail = f"nothing was imported; {faults[0].pointer}: {faults[0].message}{more}"
        raise Invalid("import_refused", detail, errors=faults)
    rows = sorted(desk.rows, key=lambda row: row.path)
    return Imported({address: desk.bodies[address] for address in sorted(desk.bodies)}, tuple(rows))


def _place(fault: Fault) -> tuple[str, int]:
    path, _, line = fault.pointer.rpartition(":")
    return path, int(line) if line.isdecimal() else 0


class _Project:
    """The two passes: first everything is opened and named, then bodies are made and texts rewritten."""

    def __init__(self, desk: Desk, shelves: Mapping[str, list[str]]) -> None:
        self.desk = desk
        self.shelves = shelves
        self.names = Names(desk)
        self.rewriter = Rewriter(desk, self.names)
        self.sheets: dict[str, Sheet] = {}
        self.modules: list[functions.Module] = []
        self.flows: dict[str, flows.Flow] = {}
        for noun, paths in shelves.items():
            for path in paths:
                self._open(noun, path)

    def read(self) -> None:
        if "project" not in self.shelves:
            hint = "choose the folder that holds project.yaml, as `poly pull` writes it"
            self.desk.fault("project.yaml", 1, NO_PROJECT, hint, "missing_file")
        sheets = {path: self.sheets[path] for path in self.shelves.get("topic", ()) if path in self.sheets}
        topic_slugs = topics.name_topics(sheets, self.names)
        flow_slugs = flows.name_flows(self.flows, self.names, self.desk)
        functions.name_functions(self.modules, self.names, flow_slugs)
        self._read_config()
        for path, slug in topic_slugs.items():
            topics.read_topic(self.sheets[path], slug, self.rewriter)
        for folder, flow in self.flows.items():
            flows.read_flow(flow, flow_slugs[folder], self.desk, self.rewriter)
        for module in self.modules:
            functions.read_function(module, self.desk, self.names, flow_slugs)
        self._read_controls()
        guards.read_guards(self.desk)
        self._read_cases()
        self._read_agent()
        self.rewriter.report()

    def _open(self, noun: str, path: str) -> None:
        if noun == "function":
            module = functions.read_module(self.desk, path)
            flow = path.split("/")[1] if path.startswith("flows/") else ""
            if flow:
                self._flow(flow)
            if module is not None:
                self.modules.append(module)
                if flow:
                    self._flow(flow).modules.append(module)
        elif noun not in ("rules", "persona"):
            sheet = open_sheet(self.desk, path)
            if sheet is not None:
                self.sheets[path] = sheet
            if noun in ("flow", "step"):
                flow = self._flow(path.split("/")[1])
                if sheet is not None and noun == "flow":
                    flow.config = sheet
                elif sheet is not None:
                    flow.steps.append(sheet)

    def _flow(self, folder: str) -> flows.Flow:
        return self.flows.setdefault(folder, flows.Flow(folder))

    def _one(self, noun: str) -> Sheet | None:
        return self.sheets.get(next(iter(self.shelves.get(noun, ())), ""))

    def _text(self, noun: str) -> str | None:
        paths = self.shelves.get(noun)
        text = self.desk.text_of(paths[0]) if paths else None
        return text.removeprefix("\ufeff") if text else text

    def _read_config(self) -> None:
        """Names every element of config/ before the first text is rewritten, then lays them down."""
        sources = {
            "handoffs": ("handoffs", "handoff"),
            "templates": ("sms_templates", "sms"),
            "entities": ("entities", "variable"),
            "translations": ("translations", "component"),
        }
        listed = {
            noun: config.name_listed(self._one(noun), key, kind, self.names) for noun, (key, kind) in sources.items()
        }
        self.names.handoffs |= {name: slug for _, name, slug in listed["handoffs"]}
        self.names.templates |= {name: slug for _, name, slug in listed["templates"]}
        self.names.translations |= {name: slug for _, name, slug in listed["translations"]}
        variants = self._one("variants")
        config.name_attributes(variants, self.names)
        for item, name, slug in listed["handoffs"]:
            config.read_handoff(item, name, slug, self.rewriter)
        for item, name, slug in listed["templates"]:
            config.read_template(item, name, slug, self.rewriter)
        for item, name, slug in listed["entities"]:
            config.read_entity(item, name, slug)
        spoken = self._spoken()
        for item, name, slug in listed["translations"]:
            config.read_translation(item, name, slug, spoken, self.rewriter)
        if variants is not None:
            config.read_variants(variants, self.names)
        for noun in sources:
            sheet = self._one(noun)
            if sheet is not None:
                if not listed[noun]:
                    self.desk.note(sheet.path, "empty list", "read", "the list is empty", address=SETTINGS)
                sheet.close()

    def _spoken(self) -> str:
        sheet = self._one("languages")
        return str(sheet.value.get("default_language") or "") if sheet else ""

    def _read_controls(self) -> None:
        controls = Controls(self.names)
        for noun, read in (
            ("phrases", controls.read_phrases),
            ("pronunciations", controls.read_pronunciations),
            ("corrections", controls.read_corrections),
            ("keyphrases", controls.read_keyphrases),
        ):
            sheet = self._one(noun)
            if sheet is not None:
                read(sheet)
        controls.put()

    def _read_cases(self) -> None:
        found: list[dict[str, Any]] = []
        taken: dict[str, str] = {}
        paths = [path for path in self.shelves.get("case", ()) if path in self.sheets]
        for path in paths:
            found.append(cases.read_case(self.sheets[path], taken, self.names))
        cases.put_cases(found, paths, self.names)

    def _read_agent(self) -> None:
        desk, rewriter = self.desk, self.rewriter
        languages = agent.read_languages(self._one("languages"))
        spoken = languages[0] if languages else ""
        persona = agent.read_persona(self._one("role"), self._text("persona"), rewriter)
        style = agent.read_style(self._one("personality"), rewriter)
        instructions = agent.read_rules(desk, self._text("rules"), rewriter)
        body: dict[str, Json] = {"persona": persona, "style": style, "instructions": instructions}
        voice, chat, project = self._one("voice"), self._one("chat"), self._one("project")
        greeting = ""
        if voice is not None:
            heard, greeting = agent.read_voice(voice, spoken, rewriter)
            spoken = spoken or heard
            body["voice"] = agent.VOICE.slug
        if chat is not None:
            greeting = agent.read_chat(chat, greeting, spoken, rewriter)
        name, facts = agent.read_project(project) if project is not None else ("", {})
        body |= {"name": name or "Agent", "greeting": greeting, "languages": languages}
        desk.put(AGENT, "project.yaml", body)
        settings: dict[str, Json] = {"name": "Settings", "imported": facts}
        if spoken:
            settings |= {"default_language": spoken, "languages": languages}
        desk.put(SETTINGS, "project.yaml", settings)
