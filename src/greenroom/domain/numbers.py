"""Telephone numbers: which environment each one leads to, and what SIP headers change about that (R34).

A number is assigned to one environment, or follows the default entry. Its SIP rules are asked in their order; the
first one that holds picks another environment, or a version for a test. A number of an internal environment is a test
number: nothing may lead it out to the public, neither when it is written nor when it rings.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from greenroom.domain.environments import Environment
from greenroom.domain.errors import Fault, Invalid, Refused

E164 = re.compile(r"\+[1-9][0-9]{6,14}")
MAX_LABEL = 120
MAX_RULES = 20
MAX_VALUES = 50
MAX_VALUE = 200
MAX_WRITTEN = 100
"""Characters of a number as somebody writes it."""
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_SCHEME = re.compile(r"(?:tel|sips?):", re.IGNORECASE)
_TRUNK = re.compile(r"\(0\)")
_MARKS = re.compile(r"[\s().\-/\u2010-\u2015\u00a0\u202f]+")
_LINE = re.compile(r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]*")

Match = Literal["exact", "prefix", "one_of"]


@dataclass(frozen=True, slots=True)
class SipRule:
    """What one header changes: `match` says how its value is compared with `values`.

    Exactly one of `environment` (an id) and `version` (for a test) says where the call goes then.
    """

    header: str
    match: Match
    values: tuple[str, ...]
    environment: str = ""
    version: int | None = None

    def holds(self, headers: Mapping[str, str]) -> bool:
        """Says whether the rule holds for headers, whose names are in lower case."""
        value = headers.get(self.header.lower())
        if value is None:
            return False
        if self.match == "prefix":
            return value.startswith(self.values)
        return value in self.values


@dataclass(frozen=True, slots=True)
class Number:
    """A number of a project. `environment` is an id; '' where it follows the default entry."""

    e164: str
    label: str = ""
    environment: str = ""
    rules: tuple[SipRule, ...] = ()


@dataclass(frozen=True, slots=True)
class Way:
    """Where a call goes: an environment's id ('' for the default entry), or a version as a test in its context.

    `rule` is the place of the SIP rule that decided, None where the number's own assignment did.
    """

    environment: str
    version: int | None = None
    rule: int | None = None


def find_e164(text: str) -> str | None:
    """Returns a number as E.164 has it (`+442079460000`), None for what is none.

    Read are spaces, brackets, dots, dashes and slashes, a leading 00, a trunk zero in brackets, and `tel:` and `sip:`.
    """
    if len(text) > MAX_WRITTEN:
        return None
    plain = text.strip()
    scheme = _SCHEME.match(plain)
    if scheme is not None:
        plain = re.split("[@;]", plain[scheme.end() :], maxsplit=1)[0]
    plain = _MARKS.sub("", _TRUNK.sub("", plain))
    if plain.startswith("00"):
        plain = f"+{plain[2:]}"
    return plain if E164.fullmatch(plain) else None


def read_e164(text: str, pointer: str = "/number") -> str:
    """Returns a number as E.164 has it. Raises Invalid `invalid_phone_number`."""
    found = find_e164(text)
    if found is None:
        message = (
            f"'{text[:40]}' is no telephone number with its country: write +, the country's code and the number, "
            "7 to 15 digits in all, such as +44 20 7946 0000"
        )
        raise Invalid("invalid_phone_number", message, errors=[Fault(pointer, message)])
    return found


def check_number(number: Number, environments: Mapping[str, Environment]) -> None:
    """Refuses a number that could lead astray; `environments` are the project's by id.

    Raises Invalid `invalid_number` with a fault for each thing that is wrong.
    """
    faults: list[Fault] = []
    if len(number.label) > MAX_LABEL or not _LINE.fullmatch(number.label):
        faults.append(Fault("/label", f"is one line of at most {MAX_LABEL} characters"))
    if number.environment and number.environment not in environments:
        faults.append(Fault("/environment", "this project has no such environment"))
    if len(number.rules) > MAX_RULES:
        faults.append(Fault("/sip_rules", f"a number has at most {MAX_RULES} rules"))
    for index, rule in enumerate(number.rules):
        faults += _faults_of(rule, f"/sip_rules/{index}", environments)
        if not stays_inside(number, rule, environments):
            own, other = environments[number.environment], environments[rule.environment]
            message = f"{number.e164} belongs to {own.alias}, which is internal: no rule may lead it to {other.alias}"
            hint = f"lead it to an internal environment, or assign the number to {other.alias}"
            faults.append(Fault(f"/sip_rules/{index}/then/environment", message, "internal_number", hint))
    if faults:
        detail = "; ".join(f"{fault.pointer} {fault.message}" for fault in faults[:3])
        raise Invalid("invalid_number", f"{number.e164} cannot be kept so: {detail}", errors=faults)


def _faults_of(rule: SipRule, pointer: str, environments: Mapping[str, Environment]) -> Sequence[Fault]:
    faults: list[Fault] = []
    if not _HEADER.fullmatch(rule.header):
        faults.append(Fault(f"{pointer}/header", "is the name of a SIP header such as X-Test-Line"))
    if not 1 <= len(rule.values) <= (MAX_VALUES if rule.match == "one_of" else 1):
        faults.append(Fault(f"{pointer}/matches", f"holds one text, or 1 to {MAX_VALUES} for one_of"))
    if any(not each.strip() or len(each) > MAX_VALUE or not _LINE.fullmatch(each) for each in rule.values):
        # An empty prefix would hold for whoever sends the header at all.
        faults.append(Fault(f"{pointer}/matches", f"texts are one line of 1 to {MAX_VALUE} characters"))
    if bool(rule.environment) == (rule.version is not None):
        faults.append(Fault(f"{pointer}/then", "names an environment or a version, one of them"))
    if rule.environment and rule.environment not in environments:
        faults.append(Fault(f"{pointer}/then/environment", "this project has no such environment"))
    return faults


def stays_inside(number: Number, rule: SipRule, environments: Mapping[str, Environment]) -> bool:
    """Says that a rule does not lead an internal environment's number out of the internal ones."""
    own, other = environments.get(number.environment), environments.get(rule.environment)
    return own is None or not own.internal or other is None or other.internal


def is_test_number(number: Number, environments: Mapping[str, Environment]) -> bool:
    """Says whether a number belongs to an internal environment, so that the public cannot come in by it."""
    own = environments.get(number.environment)
    return own is not None and own.internal


def decide_entry(number: Number, sip_headers: Mapping[str, str], environments: Mapping[str, Environment]) -> Way:
    """Decides where a call of a number goes; `environments` are those of the project that are there now, by id.

    A rule to an environment that is gone does not hold. A test of a version keeps to the number's own environment where
    that is internal. Raises Refused `number_leads_nowhere`, and `internal_number` for a rule that would lead a test
    number to the public, however it came to be.
    """
    if number.environment and number.environment not in environments:
        message = f"{number.e164} is assigned to an environment that is gone; assign it to another one"
        raise Refused("number_leads_nowhere", message)
    headers = {name.lower(): value.strip() for name, value in sip_headers.items()}
    for index, rule in enumerate(number.rules):
        if not rule.holds(headers) or (rule.environment and rule.environment not in environments):
            continue
        if not stays_inside(number, rule, environments):
            own, other = environments[number.environment].alias, environments[rule.environment].alias
            message = f"{number.e164} belongs to {own}, which is internal: its rule {index} may not lead to {other}"
            raise Refused("internal_number", message, errors=[Fault(f"/sip_rules/{index}/then/environment", message)])
        if rule.version is not None:
            return Way(number.environment if is_test_number(number, environments) else "", rule.version, index)
        return Way(rule.environment, None, index)
    return Way(number.environment)
