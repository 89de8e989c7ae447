"""voice/response_control/*.yaml and voice/speech_recognition/*.yaml → response_control/main."""

from __future__ import annotations

from typing import Any

from greenroom.domain.entities import Address, slugify
from greenroom.importers.polyai.names import Names
from greenroom.importers.polyai.sheets import Sheet

CONTROLS = Address("response_control", "main")
_LEVELS = ("default", "boosted", "maximum")
_REPLACEMENTS = {"full": True, "partial": False, "substring": False}

DISPLAY_NAME = "an id stands for it here; the file keeps the name as it was written"
NO_FUNCTION = "the folder has no function of this name; the phrase is caught without calling one"
DUPLICATE = "the same phrase stands above; a phrase is boosted once"
OTHER_LEVEL = "the same phrase stands above with another level, which counts; the file is kept"


class Controls:
    """Collects the body of response_control/main from its four files."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.body: dict[str, Any] = {}
        self.path = ""

    def put(self) -> None:
        """Lays down the entity when there is anything in it."""
        if self.path:
            self.names.desk.put(CONTROLS, self.path, {"name": "Response control", **self.body})

    def read_phrases(self, sheet: Sheet) -> None:
        """Reads phrases that are caught in what the agent says."""
        desk, found = sheet.desk, list[dict[str, Any]]()
        for item in sheet.sheets("phrase_filtering"):
            entry = self._entry(item, found)
            patterns = item.texts("regular_expressions")
            entry |= {"patterns": patterns, "say_phrase": item.flag("say_phrase", False)}
            function = item.text("function")
            slug = self.names.functions.get(("", function))
            if slug is not None:
                entry["function"] = slug
            elif function:
                desk.keep(item.path, f"function {function}", NO_FUNCTION, status="not_supported")
            found.append(entry)
            desk.read(item.path, "stop phrase pattern", CONTROLS, len(patterns))
        self._set(sheet, "stop_phrases", "stop phrase", found)

    def read_pronunciations(self, sheet: Sheet) -> None:
        """Reads how words are spoken. An id comes from its pattern, so that a comparison sees an insertion as one."""
        found: list[dict[str, Any]] = []
        for item in sheet.sheets("pronunciations"):
            pattern = item.needed("regex")
            stem = slugify(pattern)[:40] or "pattern"
            taken = {entry["id"] for entry in found}
            free = (stem if number == 1 else f"{stem}-{number}" for number in range(1, len(found) + 2))
            found.append(
                {
                    "id": next(id_ for id_ in free if id_ not in taken),
                    "pattern": pattern,
                    "replacement": item.text("replacement"),
                    "case_sensitive": item.flag("case_sensitive", False),
                    "language": item.text("language_code"),
                }
            )
        self._set(sheet, "pronunciations", "pronunciation", found)

    def read_corrections(self, sheet: Sheet) -> None:
        """Reads how transcripts are mended."""
        found: list[dict[str, Any]] = []
        for item in sheet.sheets("corrections"):
            entry = self._entry(item, found)
            entry["patterns"] = [self._correction(pattern) for pattern in item.sheets("regular_expressions")]
            found.append(entry)
            sheet.desk.read(sheet.path, "correction pattern", CONTROLS, len(entry["patterns"]))
        self._set(sheet, "corrections", "correction", found)

    def read_keyphrases(self, sheet: Sheet) -> None:
        """Reads the words that speech recognition listens for."""
        found: dict[str, dict[str, Any]] = {}
        for item in sheet.sheets("keyphrases"):
            phrase, level = item.needed("keyphrase"), item.text("level", "default")
            if level not in _LEVELS:
                item.fault("level", f"'{level}' is not a level", f"levels are: {', '.join(_LEVELS)}")
            if phrase in found:
                same = found[phrase]["level"] == level
                if same:
                    sheet.desk.note(sheet.path, "duplicate keyphrase", "read", DUPLICATE, address=CONTROLS)
                else:
                    sheet.desk.keep(sheet.path, "duplicate keyphrase", OTHER_LEVEL, status="not_supported")
                continue
            found[phrase] = {"phrase": phrase, "level": level}
        self._set(sheet, "keyphrases", "keyphrase", list(found.values()))

    def _correction(self, sheet: Sheet) -> dict[str, Any]:
        kind = sheet.text("replacement_type", "full")
        if kind not in _REPLACEMENTS:
            sheet.fault("replacement_type", f"'{kind}' is not a type", "types are: full, partial, substring")
        return {
            "pattern": sheet.needed("regular_expression"),
            "replacement": sheet.text("replacement"),
            "whole": _REPLACEMENTS.get(kind, True),
        }

    def _entry(self, sheet: Sheet, found: list[dict[str, Any]]) -> dict[str, Any]:
        """Returns the id and description of a named group of patterns."""
        name = sheet.needed("name")
        taken = {str(other["id"]): str(other["id"]) for other in found}
        entry = self.names.pick(slugify(name), name, sheet.path, taken, "group", CONTROLS)
        sheet.desk.keep(sheet.path, "display name", DISPLAY_NAME, count=int(bool(name) and entry != name))
        return {"id": entry, "description": sheet.text("description")}

    def _set(self, sheet: Sheet, key: str, item: str, found: list[dict[str, Any]]) -> None:
        self.body[key] = found
        self.path = self.path or sheet.path
        sheet.desk.read(sheet.path, item, CONTROLS, len(found))
        if not found:
            sheet.desk.note(sheet.path, f"no {item}", "read", "the list is empty", address=CONTROLS)
        sheet.close()
