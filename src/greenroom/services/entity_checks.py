"""One entity of a draft, looked at as publishing will: its references, conditions, patterns, code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from greenroom.domain.entities import Address
from greenroom.domain.errors import Fault, NotFound, Unavailable
from greenroom.domain.references import Link, check_links
from greenroom.ports import Reading
from greenroom.runtime.conditions import NAMES
from greenroom.runtime.program import check_program
from greenroom.services.code_checks import FUNCTION, MUST_KNOW, CodeChecks
from greenroom.services.comparisons import BodyReader
from greenroom.services.states import find_draft, load_draft_snapshot, load_editable, load_project, load_served
from greenroom.services.validation import Entities, check_body
from greenroom.services.work import Call, Work

CONDITION_NAMES = NAMES
"""What conditions may name, for whoever writes one."""
BUSY = "the code could not be checked just now: the sandbox is busy. It is checked again when you save"


@dataclass(frozen=True, slots=True)
class Looked:
    """What is wrong with an entity (publishing is refused, or must be told of it) and what is odd.

    Pointers are inside its body.
    """

    errors: tuple[Fault, ...] = ()
    warnings: tuple[Fault, ...] = ()


class EntityChecks:
    """The verb of looking at what is edited."""

    def __init__(self, work: Work, code: CodeChecks) -> None:
        self._work = work
        self._code = code

    async def look(self, call: Call, slug: str, alias: str, address: Address) -> Looked:
        """Returns what publishing would say of one entity as it is in the caller's draft.

        Raises NotFound `entity_not_found`, Refused `not_editable`.
        """
        call.need("content.read")
        found = await self._work.read(call, lambda tx: self._look(tx, call, slug, alias, address))
        if address.kind != FUNCTION:
            return found
        try:
            faults = await self._code.find_faults(call, slug, alias, address)
        except Unavailable:
            return Looked(found.errors, (*found.warnings, Fault("/code", BUSY, "sandbox_busy")))
        wrong = tuple(fault for fault in faults if fault.code in MUST_KNOW)
        odd = tuple(fault for fault in faults if fault.code not in MUST_KNOW)
        return Looked((*found.errors, *wrong), (*found.warnings, *odd))

    def _look(self, tx: Reading, call: Call, slug: str, alias: str, address: Address) -> Looked:
        project = load_project(tx, slug)
        environment = load_editable(tx, project, alias)
        draft = find_draft(tx, environment, call.principal)
        snapshot = (
            load_served(tx, project, environment).snapshot if draft is None else load_draft_snapshot(tx, draft)[0]
        )
        if address not in snapshot:
            raise NotFound("entity_not_found", f"there is no {address} in your draft of {environment.alias}")
        kinds = self._work.kinds
        entities = Entities(snapshot, BodyReader(tx), kinds)
        body = entities[address] if address.kind in kinds else {}
        faults = check_body(address, body, kinds)
        links = [Link(address, mention) for mention in kinds[address.kind].mentions(body)] if not faults else []
        broken, loose = check_links(links, lambda target: target in snapshot, frozenset(kinds))
        wrong, odd = check_program(entities, only={address}) if not faults else ((), ())
        return Looked(_inside(address, (*faults, *broken, *wrong)), _inside(address, (*loose, *odd)))


def _inside(address: Address, faults: Sequence[Fault]) -> tuple[Fault, ...]:
    """Returns the faults of an entity with pointers inside its body, each once."""
    head = f"/{address}"
    mine = [f for f in faults if f.pointer == head or f.pointer.startswith(f"{head}/")]
    found = [Fault(f.pointer.removeprefix(head), f.message, f.code, f.hint) for f in mine]
    return tuple({(f.pointer, f.message): f for f in found}.values())
