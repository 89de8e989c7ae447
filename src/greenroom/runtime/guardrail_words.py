"""Signs of each category of guardrails: strong ones, and weak ones that count only together.

A floor in English, written for this project; versions add patterns of their own language and trade.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

Signs = tuple[re.Pattern[str], ...]


def _signs(*patterns: str) -> Signs:
    return tuple(re.compile(pattern, re.IGNORECASE) for pattern in patterns)


SIGNS: Mapping[str, tuple[Signs, Signs]] = {
    "personal_data": (
        _signs(
            r"\b\d(?:[ -]?\d){12,18}\b",
            r"\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{2,63})+\b",
            r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b",
            r"\b\d{3}-\d{2}-\d{4}\b",
        ),
        _signs(r"(?<!\d)\+?\d[\d ()-]{8,16}\d(?!\d)"),
    ),
    "prompt_injection": (
        _signs(
            r"\b(?:ignore|disregard|forget|override)\b.{0,30}\b(?:previous|prior|above|earlier|all|your|the)\b.{0,20}"
            r"\b(?:instructions?|rules?|prompts?|guidelines?)\b",
            r"\b(?:reveal|show|print|repeat|tell me)\b.{0,30}\b(?:system|hidden|initial|secret)\b.{0,10}"
            r"\b(?:prompt|instructions?|message)\b",
            r"\byou are (?:now|no longer)\b.{0,40}\b"
            r"(?:unrestricted|jailbroken|dan|without (?:any )?(?:rules|limits))\b",
            r"</?(?:system|assistant|instructions?)>|\[/?(?:system|inst)\]",
        ),
        _signs(
            r"\b(?:jailbreak|developer mode|do anything now)\b",
            r"\bpretend (?:to be|you are|that you)\b",
            r"\bsystem prompt\b",
        ),
    ),
    "profanity": (
        _signs(r"\b(?:motherf\w+|fuck\w*|cunt\w*)\b"),
        _signs(r"\b(?:shit\w*|bitch\w*|bastards?|arse(?:hole)?s?|ass(?:hole)s?|wank\w*|bollocks|damn)\b"),
    ),
    "violence": (
        _signs(
            r"\b(?:kill|murder|stab|shoot|strangle|behead)\b.{0,20}\b(?:him|her|them|you|someone|people|everyone|my)\b",
            r"\b(?:build|make|plant)\b.{0,15}\b(?:bombs?|explosives?)\b",
        ),
        _signs(r"\b(?:beat (?:you|him|her|them) up|attack|weapons?|massacre|torture)\b"),
    ),
    "hate": (
        _signs(
            r"\b(?:all|those|these) \w{2,20} (?:are|should be) "
            r"(?:vermin|subhuman|animals|exterminated|gassed|deported)\b",
            r"\b(?:gas|exterminate|lynch) (?:the|all)\b",
        ),
        _signs(r"\b(?:inferior race|master race|racial purity|go back to your country)\b"),
    ),
    "sexual": (
        _signs(r"\b(?:porn\w*|blow ?jobs?|have sex with|masturbat\w*|naked (?:pictures?|photos?))\b"),
        _signs(r"\b(?:sexy|horny|nudes?|erotic\w*)\b"),
    ),
    "self_harm": (
        _signs(
            r"\b(?:kill|hurt|harm|cut(?:ting)?) (?:myself|my self)\b",
            r"\b(?:end|take) my (?:own )?life\b|\bsuicid\w*\b|\bwant to die\b",
        ),
        _signs(r"\b(?:self[- ]harm|no reason to live|better off dead|can't go on)\b"),
    ),
}
