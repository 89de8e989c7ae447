"""What is wrong with a function's code, found at publish without running what it does.

Three looks: the syntax tree for what Monty's Python lacks; Monty's own type check with the types of conv; and loading
the module in the sandbox, which carries out its imports. Results are kept by the digest of all code that was looked at.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from greenroom.domain.errors import Fault, Unavailable
from greenroom.providers.sandbox.confinement import confined
from greenroom.providers.sandbox.imports import STUB_PREFIX, name_stub, type_code
from greenroom.providers.sandbox.limits import Limits
from greenroom.providers.sandbox.programs import (
    MAIN,
    NOT_SUPPORTED,
    WITHOUT_EFFECT,
    Program,
    gather,
    given_text,
    inside_library,
    prepare,
    say_missing,
)
from greenroom.providers.sandbox.sources import BUILT_IN, GENERATED, Shelf, Source, choose_entry, stub_text
from greenroom.providers.sandbox.unsupported import find_lacks
from greenroom.providers.sandbox.workers import Busy, Workers

if TYPE_CHECKING:
    from pydantic_monty import ExternalModule, Monty, MontyError

SYNTAX, TYPE, UNSUPPORTED, NO_ENTRY = "function_syntax", "function_type", "function_unsupported", "function_no_entry"
MAX_FAULTS = 20
MAX_KEPT = 4_096
_SURE = frozenset({
    "unresolved-attribute", "unresolved-reference", "missing-argument", "unknown-argument",
    "too-many-positional-arguments", "call-non-callable", "not-subscriptable", "non-subscriptable",
    "unsupported-operator", "not-iterable", "parameter-already-assigned", "positional-only-parameter-as-kwarg",
})  # fmt: skip
"""Rules whose breach fails at run time; what is a matter of taste in typing is not reported."""
_OURS = re.compile(r"`(?:Conversation|Flow|Record|Http|Table|Log|Response)\.\w+`")
_PERHAPS = re.compile(r"may be missing|\| None|None \||of type `None`")
_LIBRARY_NAMES = "greenroom_conv = greenroom_zone = None\n"
_SEE_GUIDE = "see docs/guides/functions.md for what there is"
_NAME_ONE = "name a function of this version by its slug"
_STOP = "greenroom_stop()\n"
"""Stands before checked code: the worker checks all of it, and then stops here, for there is no such function."""
_QUICK = Limits(wall_ms=300, host_calls=1)


class Checker:
    """Checks functions, and remembers what it found."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers
        self._kept: OrderedDict[bytes, tuple[Fault, ...]] = OrderedDict()

    async def check(self, name: str, code: str, modules: Mapping[str, str]) -> Sequence[Fault]:
        """Returns the faults of a function's code, by line."""
        try:
            shelf, found, prefix = gather(name, code, modules)
        except SyntaxError as wrong:
            return (_fault(wrong.lineno or 1, wrong.msg, SYNTAX, "mend the Python; nothing of the function can run"),)
        except (ValueError, RecursionError, MemoryError) as wrong:
            return (_fault(1, f"the code does not parse: {wrong or type(wrong).__name__}", SYNTAX, "mend the Python"),)
        key = _digest(name, found, [name for source in found.values() for name in source.called if name in modules])
        kept = self._kept.get(key)
        if kept is None:
            kept = tuple((await self._look(name, code, modules, shelf, found, prefix))[:MAX_FAULTS])
            self._kept[key] = kept
            if len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(key)
        return kept

    async def _look(
        self, name: str, code: str, modules: Mapping[str, str], shelf: Shelf, found: Mapping[str, Source], prefix: str
    ) -> list[Fault]:
        source = found[MAIN]
        unknown = list(_unknown(source, shelf, prefix))
        faults = [*_lacking(found), *unknown]
        cannot_load = any(fault.hint in {_SEE_GUIDE, _NAME_ONE} for fault in unknown) or any(
            lack.does_nothing is False for each in found.values() for lack in find_lacks(each)
        )
        entry = choose_entry(source, name)
        if entry is None:
            message = say_missing(name)
            faults.append(_fault(1, message, NO_ENTRY, "name the function to call like the entity, or run"))
        elif not entry.takes_conv:
            message = f"`{entry.name}` does not take the conversation"
            faults.append(_fault(entry.line, message, TYPE, f"write `def {entry.name}(conv, …)`"))
        typed = _TypeCheck(source, shelf, found, prefix)
        loading = None if cannot_load or entry is None else _Loading(name, code, modules, _inner_imports(source))

        def look(pool: Monty) -> list[Fault]:
            return [*typed.look(pool), *(loading.look(pool) if loading else ())]

        try:
            faults += await self._workers.use(look)
        except Busy:
            raise Unavailable(
                "sandbox_busy", "all workers of the sandbox are busy; try again in some seconds"
            ) from None
        return _sorted_once(faults)


def _digest(name: str, found: Mapping[str, Source], called: Sequence[str]) -> bytes:
    digest = hashlib.blake2b(name.encode(), digest_size=20)
    for key, source in sorted(found.items()):
        digest.update(key.encode() + b"\0" + source.code.encode() + b"\0")
    digest.update("\0".join(sorted(called)).encode())
    return digest.digest()


def _fault(line: int, message: str, code: str, hint: str) -> Fault:
    return Fault("/code", f"line {line}: {message}", code, hint)


def _sorted_once(faults: Sequence[Fault]) -> list[Fault]:
    """Returns the faults by line, each once; of two about a line that Monty lacks, the one that names the construct."""
    once = list({(fault.message, fault.code): fault for fault in faults}.values())
    return sorted(once, key=lambda fault: int((re.match(r"line (\d+)", fault.message) or [0, "0"])[1]))


def _lacking(found: Mapping[str, Source]) -> Iterator[Fault]:
    """Yields what Monty lacks: everything in the code itself, the first of each module that it imports."""
    for key, source in found.items():
        lacks = find_lacks(source)
        for lack in lacks if key == MAIN else [each for each in lacks if not each.does_nothing][:1]:
            if lack.does_nothing:
                yield _fault(lack.line, f"{lack.construct} has no counterpart here", UNSUPPORTED, f"{lack.hint}")
            elif key == MAIN:
                yield _fault(lack.line, f"the sandbox's Python has no {lack.construct}", UNSUPPORTED, lack.hint)
            else:
                message = (
                    f"it uses '{key}', whose line {lack.line} holds {lack.construct}, which the sandbox cannot run"
                )
                yield _fault(1, message, UNSUPPORTED, f"in '{key}': {lack.hint}")


def _unknown(source: Source, shelf: Shelf, prefix: str) -> Iterator[Fault]:
    """Yields imports of modules that exist neither in the sandbox nor among the version's functions."""
    for statement in source.statements:
        for dotted, alias in statement.wanted():
            known = dotted in BUILT_IN or dotted.split(".")[0] in GENERATED or shelf.find(dotted, prefix)
            if known or shelf.find(f"{dotted}.{alias.name}", prefix):
                if dotted == "zoneinfo":
                    message = "a ZoneInfo has here, for all dates, the offset that holds at the time of the call"
                    hint = "fine for now(); for other dates use .astimezone(), which knows the project's zone"
                    yield _fault(statement.node.lineno, message, UNSUPPORTED, hint)
                continue
            own = dotted.split(".")[0] in {"functions", "flows"}
            name = f"{dotted}.{alias.name}" if dotted == "functions" else dotted
            message = f"there is no function '{name}' to import" if own else f"the sandbox has no module '{dotted}'"
            hint = (
                "name a function of this version by its slug"
                if own
                else "see docs/guides/functions.md for what there is"
            )
            yield _fault(statement.node.lineno, message, UNSUPPORTED, hint)
    for name, line in source.called.items():
        if shelf.find_function(name, prefix) is None:
            yield _fault(
                line, f"there is no function '{name}' to call", TYPE, "name a function of this version by its slug"
            )


class _TypeCheck:
    """Monty's own type check of one module, with the types of conv and of what it imports."""

    def __init__(self, source: Source, shelf: Shelf, found: Mapping[str, Source], prefix: str) -> None:
        self._code = type_code(source, shelf, prefix)
        self._modules = {
            name_stub(key): (_LIBRARY_NAMES if shelf.is_library(key) else "") + type_code(each, shelf, prefix)
            for key, each in found.items()
            if key != MAIN
        }

    def look(self, pool: Monty) -> list[Fault]:
        """Returns what the type check finds."""
        from pydantic_monty import ExternalModule, MontyCrashedError, MontyError, MontyTypingError

        modules: dict[str, ExternalModule] = {
            name: ExternalModule({}, stubs=text) for name, text in self._modules.items()
        }
        try:
            with confined(
                pool,
                script_name="function.py",
                type_check=True,
                type_check_stubs=_all_stubs(),
                type_check_format="json",
                external_modules=modules,
                limits={"max_feed_duration_secs": 2.0, "max_memory": 128 << 20, "max_suspensions": 50},
            ) as session:
                session.feed_run(_STOP + self._code, print_callback=_ignore)
        except MontyTypingError as wrong:
            return list(_diagnosed(wrong.display()))
        except (MontyCrashedError, TimeoutError):
            message = "the type check gave up on it: the code is too large or too involved"
            return [_fault(1, message, UNSUPPORTED, "it may run all the same; smaller functions are checked properly")]
        except MontyError:
            return []
        return []


@cache
def _all_stubs() -> str:
    more = "".join(f"    {name}: Any\n" for name in (*WITHOUT_EFFECT, *NOT_SUPPORTED))
    return stub_text().replace("#MORE\n", more) + "greenroom_package: Any\ndef greenroom_stop() -> None: ...\n"


def _ignore(stream: str, text: str) -> None:
    """Takes what code prints while it is checked."""


def _diagnosed(text: str) -> Iterator[Fault]:
    try:
        found: Any = json.loads(text)
    except ValueError:
        return
    for each in found if isinstance(found, list) else []:
        rule, message = str(each.get("code")), str(each.get("message"))
        if not str(each.get("filename", "")).endswith("function.py") or each.get("severity") != "error":
            continue
        line = max(1, int((each.get("location") or {}).get("row", 1)) - _STOP.count("\n"))
        plain = message.replace(STUB_PREFIX, "").replace("Object of type ", "").strip()
        if rule == "invalid-syntax":
            yield _fault(line, plain, SYNTAX, "mend the Python")
        elif _is_sure(rule, message):
            yield _fault(line, plain, TYPE, f"this would fail when it runs ({rule})")


def _is_sure(rule: str, message: str) -> bool:
    if rule == "invalid-argument-type":
        return bool(_OURS.search(message))
    return rule in _SURE and not _PERHAPS.search(message)


class _Loading:
    """Loads a module in the sandbox: imports are carried out, nothing is called."""

    def __init__(self, name: str, code: str, modules: Mapping[str, str], inner: str) -> None:
        facts = {"function": name, "code": code, "modules": modules, "conv": {}}
        self._program = prepare(facts, is_call=False)
        self._given = given_text(self._program, facts, _QUICK)
        self._code = f"{inside_library()}missing = []\nfind_module({MAIN!r})\n{inner}json.dumps(missing)"

    def look(self, pool: Monty) -> list[Fault]:
        """Returns why the module cannot be loaded."""
        from pydantic_monty import MontyError

        try:
            with confined(
                pool,
                script_name="function.py",
                limits={"max_feed_duration_secs": _QUICK.wall_ms / 1000, "max_memory": 32 << 20, "max_suspensions": 1},
                os_policy={"sleep": "zero"},
            ) as session:
                said = session.feed_run(self._code, inputs={"given_text": self._given}, print_callback=_ignore)
                return [
                    _fault(line, f"ImportError: {text}", UNSUPPORTED, _SEE_GUIDE) for line, text in json.loads(said)
                ]
        except (MontyError, TimeoutError, ValueError) as wrong:
            return list(_said(wrong, self._program))


def _inner_imports(source: Source) -> str:
    """Returns code that tries the imports which stand inside of functions, where loading does not reach them."""
    lines: list[str] = []
    for statement in source.statements:
        node = statement.node
        wanted = [alias for dotted, alias in statement.wanted() if dotted in BUILT_IN]
        if node.col_offset and wanted and isinstance(node, ast.ImportFrom):
            names = ", ".join(alias.name for alias in wanted)
            lines.append(f"try:\n    from {node.module} import {names}\n")
            lines.append(f"except ImportError as wrong:\n    missing.append([{node.lineno}, str(wrong)])\n")
    return "".join(lines)


def _said(wrong: MontyError | TimeoutError | ValueError, program: Program) -> Iterator[Fault]:
    from pydantic_monty import MontyRuntimeError, MontySyntaxError

    if not isinstance(wrong, MontyRuntimeError | MontySyntaxError):
        yield _fault(
            1, "loading the code takes too long or breaks the sandbox", UNSUPPORTED, "do the work in the function"
        )
        return
    inner = wrong.exception()
    frames = [frame for frame in wrong.traceback() if frame.filename == "<string>"]
    module, line = program.locate(frames[-1].line) if frames else (MAIN, 1)
    where = "" if module == MAIN else f"in '{module}': "
    said = f"{where}{type(inner).__name__}: {inner}"
    line = line if module == MAIN else 1
    if isinstance(inner, NotImplementedError):
        said = str(inner).replace("The monty syntax parser does not yet support", "the sandbox's Python does not know")
        yield _fault(line, where + said, UNSUPPORTED, "write it without; see docs/guides/functions.md")
    elif isinstance(inner, ImportError):
        yield _fault(line, said, UNSUPPORTED, _SEE_GUIDE)
    elif isinstance(wrong, MontySyntaxError):
        yield _fault(line, said, SYNTAX, "mend the Python")
    else:
        yield _fault(line, f"loading the code fails: {said}", TYPE, "every call would fail so")
