"""config/*.yaml → handoff, sms, variant, variable and component."""

from __future__ import annotations

from typing import Any

from greenroom.domain.canonical import canonical_json
from greenroom.domain.entities import Address
from greenroom.domain.references import PLACEHOLDER
from greenroom.importers.polyai.mentions import Rewriter
from greenroom.importers.polyai.names import VARIANTS, Names
from greenroom.importers.polyai.sheets import Sheet

ALIASES = {"sandbox": "sandbox", "pre_release": "pre-release", "live": "live"}
_METHODS = frozenset({"refer", "invite", "bye"})
_TYPES = {"numeric": "number", "date": "date"}
_PERSONAL = frozenset({"phone_number", "address", "name_config"})
_TEXT_TYPES = _PERSONAL | {"alphanumeric", "enum", "time", "free_text"}

EMPTY_SENDER = "an environment without a number has no sender here either; leaving it out says the same"
ENTITY_CONFIG = "how a value is checked while it is collected has no field of its own yet; the file is kept"
NO_VARIANT = "no variant has this name; the file is kept"
VARIANT_VALUE = "values are text here; the file keeps the value's type"


def name_listed(sheet: Sheet | None, key: str, kind: str, names: Names) -> list[tuple[Sheet, str, str]]:
    """Returns each element of a list with its name and new slug; a name missing or repeated is a fault."""
    found: list[tuple[Sheet, str, str]] = []
    seen: set[str] = set()
    for item in sheet.sheets(key) if sheet else []:
        name = item.needed("name")
        if name in seen:
            _fault_twice(item, name)
        elif name:
            seen.add(name)
            collected = kind == "variable"
            slug = names.declare_collected(name, item.path) if collected else names.assign(kind, name, item.path)
            found.append((item, name, slug))
    return found


def _fault_twice(item: Sheet, name: str) -> None:
    message = f"'{name[:80]}' stands here a second time"
    item.fault("name", message, "names in one list are unique", "duplicate_name")


def read_handoff(sheet: Sheet, name: str, slug: str, rewriter: Rewriter) -> None:
    """Lays down one hand-off."""
    desk, path, address = sheet.desk, sheet.path, Address("handoff", slug)
    sip = sheet.sheet("sip_config")
    method = sip.text("method", "refer")
    if method not in _METHODS:
        sip.fault("method", f"'{method}' is not a method", "methods are: bye, invite, refer")
    headers = [
        {"name": header.needed("key"), "value": rewriter.text(header.text("value"), path)}
        for header in sheet.sheets("sip_headers")
    ]
    number = rewriter.text(sip.text("phone_number"), path)
    endpoint = rewriter.text(sip.text("outbound_endpoint"), path) if method == "invite" else ""
    destination = {"type": "number", "value": number}
    if endpoint:
        destination = {"type": "sip", "value": _sip_uri(number, endpoint)}
    body: dict[str, Any] = {
        "name": name,
        "description": sheet.text("description"),
        "method": method,
        "sip_headers": headers,
        "default": sheet.flag("is_default", False),
    }
    if destination["value"]:
        body["destination"] = destination
    desk.put(address, path, body)
    desk.read(path, "hand-off", address)
    desk.read(path, "SIP header", address, len(headers))


def _sip_uri(number: str, endpoint: str) -> str:
    bare = endpoint.removeprefix("sip:").removeprefix("sips:")
    return f"sip:{bare}" if "@" in bare or not number else f"sip:{number}@{bare}"


def read_template(sheet: Sheet, name: str, slug: str, rewriter: Rewriter) -> None:
    """Lays down one SMS template."""
    desk, path, address = sheet.desk, sheet.path, Address("sms", slug)
    text = rewriter.text(sheet.needed("text"), path)
    numbers = sheet.sheet("env_phone_numbers")
    given = {alias: numbers.text(key) for key, alias in ALIASES.items() if key in numbers.value}
    senders = {alias: number for alias, number in given.items() if number}
    desk.put(address, path, {"name": name, "text": text, "senders": senders})
    desk.read(path, "SMS template", address)
    desk.read(path, "sender number", address, len(senders))
    empty = len(given) - len(senders)
    desk.note(path, "empty sender number", "read", EMPTY_SENDER, count=empty, address=address)


def name_attributes(sheet: Sheet | None, names: Names) -> None:
    """Gives each variant attribute a name that `{{variant.…}}` can hold."""
    listed = sheet.value.get("attributes") if sheet else None
    for item in listed if isinstance(listed, list) else []:
        name = item.get("name") if isinstance(item, dict) else None
        if sheet is not None and isinstance(name, str) and name and name not in names.attributes:
            fits = PLACEHOLDER.fullmatch("{{variant." + name + "}}") is not None
            names.attributes[name] = names.assign("attribute", name, sheet.path, fits)


def read_variants(sheet: Sheet, names: Names) -> None:
    """Lays down the table of variants."""
    desk, path, address = sheet.desk, sheet.path, VARIANTS
    rows: dict[str, dict[str, Any]] = {}
    for item, name, slug in name_listed(sheet, "variants", "row", names):
        names.variants[name] = slug
        rows[name] = {"id": slug, "name": name, "default": item.flag("is_default", False), "values": {}}
    attributes: list[str] = []
    for item in sheet.sheets("attributes"):
        name = item.needed("name")
        if not name:
            continue
        attribute = names.attributes[name]
        if attribute in attributes:
            _fault_twice(item, name)
            continue
        attributes.append(attribute)
        if item.text("kind", "text") != "text":
            desk.keep(path, "typed attribute", VARIANT_VALUE, status="not_supported")
        item.mapping("config")
        for variant, value in item.mapping("values").items():
            if variant in rows:
                rows[variant]["values"][attribute] = _as_text(value)
            else:
                desk.keep(path, f"value for variant {variant}", NO_VARIANT, status="not_supported")
    desk.put(address, path, {"name": "Variants", "attributes": attributes, "rows": list(rows.values())})
    desk.read(path, "variant", address, len(rows))
    desk.read(path, "variant attribute", address, len(attributes))
    desk.read(path, "variant value", address, sum(len(row["values"]) for row in rows.values()))
    sheet.close()


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else canonical_json(value).decode()


def read_entity(sheet: Sheet, name: str, slug: str) -> None:
    """Lays down the variable that a collected entity fills."""
    desk, path, address = sheet.desk, sheet.path, Address("variable", slug)
    kind = sheet.text("entity_type", "free_text")
    body = {
        "name": name,
        "type": _TYPES.get(kind, "text"),
        "description": sheet.text("description"),
        "pii": kind in _PERSONAL,
    }
    desk.put(address, path, body)
    desk.read(path, "entity definition", address, reason="marked as personal data" if body["pii"] else "")
    if kind not in _TYPES and kind not in _TEXT_TYPES:
        reason = "this type is not known here; the variable is text and the file is kept"
        desk.keep(path, f"entity type {kind[:40]}", reason, status="not_supported")
    elif kind not in _TYPES and kind != "free_text":
        desk.keep(path, f"entity type {kind}", "the variable is text; the file keeps the narrower type")
    if sheet.mapping("config"):
        desk.keep(path, "entity config", ENTITY_CONFIG)


def read_translation(sheet: Sheet, name: str, slug: str, language: str, rewriter: Rewriter) -> None:
    """Lays down the component that stands for a translation key: its text in the agent's own language."""
    desk, path, address = sheet.desk, sheet.path, Address("component", slug)
    texts = sheet.mapping("translations")
    wrong = [code for code, text in texts.items() if not isinstance(text, str)]
    for code in wrong:
        sheet.fault(f"translations/{code}", f"'{code}' is not text", "put it in quotes", "wrong_type")
    spoken = language if language in texts else next(iter(texts), "")
    if not spoken:
        sheet.fault("translations", f"'{name}' has no text in any language", "", "missing_field")
    if wrong or not spoken:
        return
    desk.put(address, path, {"name": name, "text": rewriter.text(texts[spoken], path)})
    desk.read(path, "translation", address)
    others = "a component has one text; the texts of other languages are kept in the file"
    desk.keep(path, "translated text", others, count=len(texts) - 1, status="not_supported")
