"""Response controls, compiled: all of a version as one."""

from __future__ import annotations

from collections.abc import Mapping

from greenroom.domain.entities import Body
from greenroom.runtime import bodies
from greenroom.runtime.compiling.work import Compiling
from greenroom.runtime.patterns import compile_replacement
from greenroom.runtime.plans import ReplacementPlan, StopPhrasePlan


class Controls:
    """All response controls of a version as one, in the order of their slugs."""

    def __init__(self, work: Compiling) -> None:
        self.work = work
        self.stop_phrases: list[StopPhrasePlan] = []
        self.corrections: list[ReplacementPlan] = []
        self.pronunciations: list[ReplacementPlan] = []
        self.keyphrases: list[Mapping[str, str]] = []
        self.lengths: list[int] = []
        work.each("response_control", self._add)

    def _add(self, slug: str, body: Body) -> None:
        self._add_stop_phrases(slug, body)
        for index, entry in enumerate(bodies.objects(body, "corrections")):
            for at, pattern in enumerate(bodies.objects(entry, "patterns")):
                pointer = f"/response_control/{slug}/corrections/{index}/patterns/{at}"
                self._replace(self.corrections, pointer, slug, bodies.text(entry, "id"), pattern, False)
        for index, entry in enumerate(bodies.objects(body, "pronunciations")):
            pointer = f"/response_control/{slug}/pronunciations/{index}"
            case = bodies.flag(entry, "case_sensitive", False)
            self._replace(self.pronunciations, pointer, slug, bodies.text(entry, "id"), entry, case)
        for entry in bodies.objects(body, "keyphrases"):
            if phrase := bodies.text(entry, "phrase"):
                self.keyphrases.append({"phrase": phrase, "level": bodies.text(entry, "level") or "default"})
        self.lengths.append(bodies.whole(body, "max_length") or 0)

    def _add_stop_phrases(self, slug: str, body: Body) -> None:
        for index, entry in enumerate(bodies.objects(body, "stop_phrases")):
            pointer = f"/response_control/{slug}/stop_phrases/{index}/patterns"
            found = self.work.patterns_in(bodies.texts(entry, "patterns"), pointer)
            self.stop_phrases.append(
                StopPhrasePlan(
                    slug,
                    bodies.text(entry, "id") or f"s{index + 1}",
                    found,
                    bodies.flag(entry, "say_phrase", True),
                    bodies.text(entry, "function"),
                    bodies.text(entry, "action"),
                )
            )

    def _replace(self, out: list[ReplacementPlan], pointer: str, slug: str, name: str, entry: Body, case: bool) -> None:
        whole = bodies.flag(entry, "whole", False)
        found, new = bodies.text(entry, "pattern"), bodies.text(entry, "replacement")
        made = self.work.pattern(
            lambda: compile_replacement(found, new, case_sensitive=case, whole=whole), f"{pointer}/pattern"
        )
        if made is not None:
            out.append(ReplacementPlan(slug, name, made, bodies.text(entry, "language")))
