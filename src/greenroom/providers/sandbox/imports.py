"""The text of a function made ready: Monty knows no modules of ours, so imports of them are written anew.

To run, they become calls of a loader; for the type check, imports of stubs. Every line keeps its number, so that
errors name the lines that their author sees.
"""

from __future__ import annotations

import ast
from collections.abc import Callable

from greenroom.providers.sandbox.sources import BUILT_IN, GENERATED, Shelf, Source, Statement

Written = str | None
_Writer = Callable[[ast.Import | ast.ImportFrom, str, ast.alias, "Target"], Written]
_TYPES = {"conv": "Conversation", "flow": "Flow"}
STUB_PREFIX = "functions_"


class Target:
    """What an import means: the key of a module, or of one inside the package that it names."""

    def __init__(self, node: ast.Import | ast.ImportFrom, dotted: str, alias: ast.alias, shelf: Shelf, prefix: str):
        self.key = shelf.find(dotted, prefix)
        self.generated = self.key is None and dotted.partition(".")[0] in GENERATED
        self.inner: str | None = None
        if self.key is None and isinstance(node, ast.ImportFrom) and dotted not in BUILT_IN:
            self.inner = shelf.find(f"{dotted}.{alias.name}", prefix)
        self.public = shelf.read(self.key).public if self.key and alias.name == "*" else ()


def link(source: Source, shelf: Shelf, prefix: str = "") -> str:
    """Returns the code that runs."""
    return _rewrite(source, shelf, prefix, _loading)


def type_code(source: Source, shelf: Shelf, prefix: str = "") -> str:
    """Returns the code for the type check; `conv` and `flow` without a type get theirs."""
    return _add_types(source, _rewrite(source, shelf, prefix, _stubbed))


def name_stub(key: str) -> str:
    """Returns the name under which the type check knows a module."""
    return STUB_PREFIX + key.replace(".", "_").replace("-", "_")


def _rewrite(source: Source, shelf: Shelf, prefix: str, write: _Writer) -> str:
    data = source.code.encode()
    starts = [0]
    for line in data.split(b"\n"):
        starts.append(starts[-1] + len(line) + 1)
    for statement in sorted(source.statements, key=lambda each: (-each.node.lineno, -each.node.col_offset)):
        text = _write_statement(statement, shelf, prefix, write)
        if text is None:
            continue
        node = statement.node
        end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or 0
        begin, end = starts[node.lineno - 1] + node.col_offset, starts[end_line - 1] + end_column
        lines = end_line - node.lineno
        # What stood on several lines stands on one now; empty brackets take the place of the others.
        padding = "; (" + "\n" * lines + ")" if lines else ""
        data = data[:begin] + (text + padding).encode() + data[end:]
    return data.decode()


def _write_statement(statement: Statement, shelf: Shelf, prefix: str, write: _Writer) -> Written:
    """Returns what an import becomes, or None where it stays as it is."""
    node = statement.node
    done: list[str] = []
    changed = False
    for dotted, alias in statement.wanted():
        target = Target(node, dotted, alias, shelf, prefix)
        text = "pass" if target.generated else write(node, dotted, alias, target)
        changed = changed or text is not None
        done.append(text if text is not None else _as_written(node, alias))
    return "; ".join(done) if changed else None


def _loading(node: ast.Import | ast.ImportFrom, dotted: str, alias: ast.alias, target: Target) -> Written:
    name = alias.asname or alias.name
    if target.key is None:
        return f"{name} = greenroom_module({target.inner!r})" if target.inner else None
    if isinstance(node, ast.ImportFrom):
        if alias.name == "*":
            return "; ".join(f"{each} = greenroom_import({target.key!r}, {each!r})" for each in target.public) or "pass"
        return f"{name} = greenroom_import({target.key!r}, {alias.name!r})"
    if "." in dotted and not alias.asname:
        return f"{dotted.partition('.')[0]} = greenroom_package({dotted!r}, {target.key!r})"
    return f"{name} = greenroom_module({target.key!r})"


def _stubbed(node: ast.Import | ast.ImportFrom, dotted: str, alias: ast.alias, target: Target) -> Written:
    name = alias.asname or alias.name
    if dotted == "__future__":
        return "pass"
    if target.key is None:
        return f"import {name_stub(target.inner)} as {name}" if target.inner else None
    module = name_stub(target.key)
    if isinstance(node, ast.ImportFrom):
        if alias.name == "*":
            return f"from {module} import {', '.join(target.public)}" if target.public else "pass"
        return f"from {module} import {alias.name} as {name}"
    if "." in dotted and not alias.asname:
        return f"{dotted.partition('.')[0]} = greenroom_package"
    return f"import {module} as {name}"


def _as_written(node: ast.Import | ast.ImportFrom, alias: ast.alias) -> str:
    name = f"{alias.name} as {alias.asname}" if alias.asname else alias.name
    if isinstance(node, ast.Import):
        return f"import {name}"
    return f"from {'.' * node.level}{node.module or ''} import {name}"


def _add_types(source: Source, code: str) -> str:
    """Returns code whose parameters `conv` and `flow` say their types."""
    lines = code.split("\n")
    for argument in sorted(source.parameters, key=lambda each: (-each.lineno, -each.col_offset)):
        line = lines[argument.lineno - 1].encode()
        end = argument.col_offset + len(argument.arg)
        if line[argument.col_offset : end] == argument.arg.encode():
            lines[argument.lineno - 1] = (line[:end] + f": {_TYPES[argument.arg]}".encode() + line[end:]).decode()
    return "\n".join(lines)
