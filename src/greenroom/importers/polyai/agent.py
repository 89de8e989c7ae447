"""agent_settings/, voice/configuration.yaml and chat/configuration.yaml → agent/main and voice/main."""

from __future__ import annotations

from typing import Any

from greenroom.domain.entities import Address
from greenroom.importers.polyai.desk import AGENT, SETTINGS, Desk
from greenroom.importers.polyai.mentions import Rewriter
from greenroom.importers.polyai.sheets import Sheet

VOICE = Address("voice", "main")

ROLE_UNUSED = "the ADK reads it only where the role is 'Other'; the file is kept"
DISCLAIMER = "a notice before the greeting has no field of its own; it becomes the first part of the greeting"
DISCLAIMER_OFF = "it is switched off and never said; the file is kept"
OTHER_LANGUAGE = "a greeting is in the agent's own language; the file keeps the other one"
CHAT_GREETING = "an agent has one greeting for all channels, the one for calls; the file is kept"
CHAT_STYLE = "an agent has no instructions for one written channel; the file is kept"


def read_persona(role: Sheet | None, persona: str | None, rewriter: Rewriter) -> str:
    """Returns who the agent is, from role.yaml or the newer persona.txt."""
    desk, parts = rewriter.desk, []
    if persona is not None:
        parts.append(rewriter.text(persona, "agent_settings/persona.txt"))
        desk.read("agent_settings/persona.txt", "persona", AGENT)
    if role is not None:
        value, custom = role.text("value"), role.text("custom")
        if value.lower() == "other":
            parts.append(rewriter.text(custom, role.path))
        else:
            parts.append(value)
            desk.keep(role.path, "custom role", ROLE_UNUSED, count=int(bool(custom)), status="not_supported")
        parts.append(rewriter.text(role.text("additional_info"), role.path))
        desk.read(role.path, "role", AGENT)
        role.close()
    return "\n".join(part for part in parts if part.strip())


def read_style(personality: Sheet | None, rewriter: Rewriter) -> str:
    """Returns how the agent speaks: the adjectives that are switched on, then the free text."""
    if personality is None:
        return ""
    adjectives: list[str] = []
    for name, on in personality.mapping("adjectives").items():
        if not isinstance(on, bool):
            personality.fault(f"adjectives/{name}", f"'{name}' is neither true nor false", "", "wrong_type")
        elif on and name.lower() != "other":
            adjectives.append(name)
    parts = [", ".join(adjectives), rewriter.text(personality.text("custom"), personality.path)]
    rewriter.desk.read(personality.path, "personality", AGENT)
    rewriter.desk.read(personality.path, "adjective", AGENT, len(adjectives))
    personality.close()
    return "\n".join(part for part in parts if part.strip())


def read_rules(desk: Desk, rules: str | None, rewriter: Rewriter) -> str:
    """Returns the agent's instructions."""
    if rules is None:
        return ""
    desk.read("agent_settings/rules.txt", "rules", AGENT)
    return rewriter.text(rules, "agent_settings/rules.txt")


def read_languages(sheet: Sheet | None) -> list[str]:
    """Returns the languages, the default one first; none when the file is left out."""
    if sheet is None:
        return []
    languages = list(dict.fromkeys([sheet.needed("default_language"), *sheet.texts("additional_languages")]))
    sheet.desk.read(sheet.path, "language", AGENT, len(languages))
    sheet.close()
    return [language for language in languages if language]


def read_voice(sheet: Sheet, language: str, rewriter: Rewriter) -> tuple[str, str]:
    """Lays down the voice; returns its language and the greeting, a switched-on disclaimer in front of it."""
    desk, path = sheet.desk, sheet.path
    style = sheet.sheet("style_prompt").text("prompt")
    spoken, greeting = _greeting(sheet, language, rewriter)
    desk.put(VOICE, path, {"name": "Voice", "language": spoken, "style_prompt": style})
    desk.read(path, "voice", VOICE)
    notice = sheet.sheet("disclaimer_messages")
    message, on = notice.text("message"), notice.flag("enabled", False)
    notice.text("language_code")
    if message and on:
        greeting = f"{rewriter.text(message, path)} {greeting}".strip()
        desk.read(path, "disclaimer", AGENT, reason=DISCLAIMER)
        desk.kept.setdefault(path, []).append(DISCLAIMER)
    elif message:
        desk.keep(path, "disclaimer", DISCLAIMER_OFF)
    sheet.close()
    return spoken, greeting


def _greeting(sheet: Sheet, language: str, rewriter: Rewriter) -> tuple[str, str]:
    """Returns the language and the text of a channel's greeting."""
    greeting = sheet.sheet("greeting")
    spoken = greeting.text("language_code")
    if spoken and language and spoken != language:
        sheet.desk.keep(sheet.path, f"greeting language {spoken}", OTHER_LANGUAGE, status="not_supported")
    text = rewriter.text(greeting.text("welcome_message"), sheet.path)
    if text:
        sheet.desk.read(sheet.path, "greeting", AGENT)
    return spoken, text


def read_chat(sheet: Sheet, spoken: str, language: str, rewriter: Rewriter) -> str:
    """Returns the greeting for all channels, `spoken` unless there is none; keeps what only chat has."""
    desk, path = sheet.desk, sheet.path
    style = sheet.sheet("style_prompt").text("prompt")
    desk.keep(path, "chat style prompt", CHAT_STYLE, count=int(bool(style)), status="not_supported")
    if not spoken:
        written = _greeting(sheet, language, rewriter)[1]
        sheet.close()
        return written
    greeting = sheet.sheet("greeting")
    greeting.text("language_code")
    if rewriter.text(greeting.text("welcome_message"), path) == spoken:
        desk.read(path, "greeting", AGENT, reason="the same as for calls")
    else:
        desk.keep(path, "chat greeting", CHAT_GREETING, status="not_supported")
    sheet.close()
    return spoken


def read_project(sheet: Sheet) -> tuple[str, dict[str, Any]]:
    """Returns the project's display name and the facts that are remembered of where it came from."""
    sheet.needed("project_id")
    given = {key: sheet.text(key) for key in ("project_id", "account_id", "region", "project_name")}
    facts = {"format": "polyai"} | {key: text for key, text in given.items() if text}
    sheet.desk.note(sheet.path, "project", "read", "remembered as where this came from", address=SETTINGS)
    sheet.close()
    return sheet.text("project_name") or sheet.text("project_id"), facts
