"""Whether a folder is sound, as far as that can be told without a server: schema, limits, references."""

from __future__ import annotations

from greenroom.domain.entities import freeze_body
from greenroom.domain.errors import Fault, GreenroomError
from greenroom.domain.kind import Registry
from greenroom.domain.references import Link, check_links
from greenroom.wire.checkouts import Base, Local

NOT_CHECKED = "conditions, patterns and the code of functions are checked when a version is published"


def check_folder(local: Local, kinds: Registry) -> tuple[list[Fault], list[Fault]]:
    """Returns what is wrong and what is odd, each at its `path:line`."""
    contents = local.contents
    errors, warnings = list(contents.faults), list[Fault]()
    names = frozenset(kinds)
    for address, body in contents.entities.items():
        try:
            freeze_body(body)
        except GreenroomError as wrong:
            errors.append(Fault(contents.place_of(address, ""), wrong.detail, wrong.code))
        for mention in kinds[address.kind].mentions(body):
            # What cannot be read is there: its own fault says what is wrong.
            if mention.target in contents.entities or mention.target in contents.unread:
                continue
            broken, loose = check_links([Link(address, mention)], lambda _: False, names)
            place = contents.place_of(address, mention.pointer)
            errors.extend(Fault(place, fault.message, fault.code, fault.hint) for fault in broken)
            warnings.extend(Fault(place, fault.message, fault.code, fault.hint) for fault in loose)
    return errors, warnings


def check_changes(local: Local, base: Base, kinds: Registry) -> tuple[list[Fault], list[Fault]]:
    """Returns the same for a push: a reference that dangled already when it was pulled is odd, not wrong."""
    errors, warnings = check_folder(local, kinds)
    old: set[str] = set()
    for address, pulled in base.items():
        links = [Link(address, mention) for mention in kinds[address.kind].mentions(pulled.body)]
        old.update(fault.message for fault in check_links(links, lambda target: target in base, frozenset(kinds))[0])
    known = [fault for fault in errors if fault.code == "dangling_reference" and fault.message in old]
    return [fault for fault in errors if fault not in known], [*warnings, *known]
