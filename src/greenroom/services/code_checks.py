"""Functions of a draft, checked before it is published: their types, and what the sandbox cannot run.

The check runs in the sandbox and may take a moment, so it comes before the transaction. What would fail when it is
called (syntax, types) must be acknowledged by whoever publishes all the same; what the sandbox lacks is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from greenroom.domain.entities import Address, parse_body
from greenroom.domain.errors import Fault
from greenroom.domain.promotion import Caution
from greenroom.ports import Reading, Sandbox
from greenroom.services.drafts import load_editable
from greenroom.services.states import find_draft, load_draft_snapshot, load_project, load_served
from greenroom.services.work import Call, Work

FUNCTION = "function"
MUST_KNOW = frozenset({"function_syntax", "function_type", "function_no_entry"})
MOST = 50
"""So many findings are told."""


@dataclass(frozen=True, slots=True)
class _Code:
    changed: Sequence[str]
    modules: Mapping[str, str]
    helpers: frozenset[str] = frozenset()
    """Functions that only others import: they need nothing that can be called."""


class CodeChecks:
    """Checks the functions that a draft changes."""

    def __init__(self, work: Work, sandbox: Sandbox | None) -> None:
        self._work = work
        self._sandbox = sandbox

    async def find_cautions(self, call: Call, slug: str, alias: str) -> Sequence[Caution]:
        """Returns what is wrong with the functions that the caller's draft changes."""
        if self._sandbox is None:
            return ()
        code = await self._work.read(call, lambda tx: self._read(tx, call, slug, alias))
        checks = [self._sandbox.check(name, code.modules[name], code.modules) for name in code.changed]
        found = await asyncio.gather(*checks)
        cautions = [
            Caution(fault.code, f"function/{name}{fault.pointer}: {fault.message}", fault.code in MUST_KNOW)
            for name, faults in zip(code.changed, found, strict=True)
            for fault in faults
            if fault.code != "function_no_entry" or name not in code.helpers
        ]
        return tuple(cautions[:MOST])

    async def find_faults(self, call: Call, slug: str, alias: str, address: Address) -> Sequence[Fault]:
        """Returns what is wrong with one function of the caller's draft, whether the draft changes it or not."""
        if self._sandbox is None:
            return ()
        code = await self._work.read(call, lambda tx: self._read(tx, call, slug, alias, whole=True))
        found = await self._sandbox.check(address.slug, code.modules.get(address.slug, ""), code.modules)
        return [f for f in found if f.code != "function_no_entry" or address.slug not in code.helpers]

    @staticmethod
    def _read(tx: Reading, call: Call, slug: str, alias: str, *, whole: bool = False) -> _Code:
        """Returns the functions of the caller's draft, if it changes one (or `whole`)."""
        project = load_project(tx, slug)
        environment = load_editable(tx, project, alias)
        draft = find_draft(tx, environment, call.principal)
        if draft is None:
            snapshot, changes = load_served(tx, project, environment).snapshot, {}
        else:
            snapshot, changes = load_draft_snapshot(tx, draft)
        changed = sorted(a for a, change in changes.items() if a.kind == FUNCTION and change.digest is not None)
        if not changed and not whole:
            return _Code((), {})
        functions = {address: digest for address, digest in snapshot.items() if address.kind == FUNCTION}
        stored = tx.load_bodies(set(functions.values()))
        bodies = {address.slug: parse_body(stored[digest]) for address, digest in functions.items()}
        modules = {name: str(body.get("code", "")) for name, body in bodies.items()}
        helpers = frozenset(name for name, body in bodies.items() if body.get("role") == "helper")
        return _Code([address.slug for address in changed], modules, helpers)
