"""`{{prefix:name}}` and `$name` of PolyAI texts as `{{kind.slug}}`.

A mention that leads nowhere stays in the text as it is: it does not have our form, so it is plain text here
and cannot stop a publish, and the report names it.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

from greenroom.importers.polyai.desk import Desk
from greenroom.importers.polyai.names import Names

_MENTION = re.compile(
    r"\{\{\s*(?P<prefix>[A-Za-z_]\w*)\s*:\s*(?P<name>[^{}\n]+?)\s*\}\}|(?<![\w$\\])\$(?P<state>[A-Za-z_]\w*)"
)
_PREFIXES = frozenset({"fn", "ft", "ho", "attr", "vrbl", "entity", "twilio_sms", "tn"})


@dataclass(slots=True)
class Rewriter:
    """Rewrites texts and counts, per file, what it rewrote and what it had to leave."""

    desk: Desk
    names: Names
    _done: Counter[str] = field(default_factory=Counter[str])
    _left: Counter[tuple[str, str, str]] = field(default_factory=Counter[tuple[str, str, str]])

    def text(self, text: str, path: str, flow: str = "") -> str:
        """Returns a text with its mentions in our form; `flow` is the folder a `{{ft:…}}` looks in."""

        def rewrite(match: re.Match[str]) -> str:
            target = self._find(match, path, flow)
            if not target:
                return match.group()
            self._done[path] += 1
            return "{{" + target + "}}"

        return _MENTION.sub(rewrite, text)

    def report(self) -> None:
        """Writes the rows about mentions; called once, at the end."""
        for path, count in sorted(self._done.items()):
            self.desk.note(path, "reference", "read", "", count=count)
        for (path, mention, reason), count in sorted(self._left.items()):
            self.desk.note(path, f"reference {mention}", "not_supported", reason, count=count)

    def _find(self, match: re.Match[str], path: str, flow: str) -> str:
        names = self.names
        state = match.group("state")
        if state:
            return "variable." + names.use_variable(state, path)
        prefix, name = match.group("prefix"), match.group("name")
        if prefix == "vrbl" and re.fullmatch(r"[A-Za-z_][\w-]*", name):
            return "variable." + names.use_variable(name, path)
        found = {
            "fn": ("function", names.functions.get(("", name))),
            "ft": ("function", names.functions.get((flow, name)) if flow else None),
            "ho": ("handoff", names.handoffs.get(name)),
            "attr": ("variant", names.attributes.get(name)),
            "entity": ("variable", names.collected.get(name)),
            "twilio_sms": ("sms", names.templates.get(name)),
            "tn": ("component", names.translations.get(name)),
        }.get(prefix, ("", None))
        if prefix == "tn" and found[1] is None:
            found = ("topic", names.topics.get(name))
        if found[1] is not None:
            return f"{found[0]}.{found[1]}"
        self._left[path, match.group(), _why(prefix, flow)] += 1
        return ""


def _why(prefix: str, flow: str) -> str:
    if prefix not in _PREFIXES:
        return f"'{prefix}' is not a prefix of the ADK; the words stay in the text as they are"
    if prefix == "ft" and not flow:
        return "a flow's function can only be named inside its flow; the words stay in the text as they are"
    return "the folder has nothing of this name; the words stay in the text as they are"
