"""What a deterministic brain can keep of a rule that is written for people and models."""

from __future__ import annotations

import re

MAX_FORBIDDEN = 50
_NEVER = re.compile(
    r"\b(?:never|don't|do not|must not|mustn't|may not|avoid)\s+"
    r"(?:say|saying|use|using|mention|mentioning|promise|promising|offer|offering|call|calling|write|writing)\b"
    r"([^.;\n]{0,400})",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"\"([^\"\n]{2,120})\"|“([^”\n]{2,120})”|«([^»\n]{2,120})»|‘([^’\n]{2,120})’")


def find_forbidden(text: str) -> tuple[str, ...]:
    """Returns the quoted phrases that a rule says never to say: `Never say "free of charge"`.

    A phrase ends where its sentence does, so a full stop inside quotes is not seen.
    """
    found: dict[str, None] = {}
    for sentence in _NEVER.finditer(text.replace("’s ", "'s ")):
        for groups in _QUOTED.findall(sentence.group(1)):
            phrase = " ".join(next(group for group in groups if group).split()).rstrip(".,!?;:").casefold()
            if phrase:
                found[phrase] = None
    return tuple(found)[:MAX_FORBIDDEN]
