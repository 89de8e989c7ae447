"""What Monty's Python lacks, found in a syntax tree: each construct with its line and what to write instead."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from greenroom.providers.sandbox.programs import NOT_SUPPORTED, WITHOUT_EFFECT
from greenroom.providers.sandbox.sources import Definition, Source

MISSING_BUILTINS = frozenset({
    "aiter", "anext", "ascii", "breakpoint", "bytearray", "callable", "classmethod", "compile", "delattr", "dir",
    "exit", "globals", "help", "input", "issubclass", "memoryview", "quit", "staticmethod", "super", "vars",
    "BaseExceptionGroup", "EOFError", "ExceptionGroup", "GeneratorExit", "UnicodeError", "UserWarning", "Warning",
    "ConnectionResetError", "ConnectionRefusedError", "BrokenPipeError", "FloatingPointError", "SystemError",
})  # fmt: skip
_BY_TYPE: tuple[tuple[type[ast.AST] | tuple[type[ast.AST], ...], str, str], ...] = (
    ((ast.Yield, ast.YieldFrom), "yield", "return a list"),
    (ast.Delete, "del", "use .pop() or assign None"),
    (ast.AsyncFor, "async for", "use a plain for"),
    (ast.AsyncWith, "async with", "use a plain with"),
    (ast.TryStar, "except*", "use except"),
)
_UNIMPLEMENTED = {
    "type aliases": ("TypeAlias", "a type alias"),
    "template strings": ("TemplateStr", "a template string"),
}


@dataclass(frozen=True, slots=True)
class Lack:
    """A construct that cannot run, where it stands and what to do."""

    line: int
    construct: str
    hint: str
    does_nothing: bool = False


def find_lacks(source: Source) -> list[Lack]:
    """Returns every construct of a module that Monty cannot run, by line."""
    tree = ast.parse(source.code)
    bound = _bound_names(tree)
    found: list[Lack] = []
    for node in ast.walk(tree):
        found += _lacks_of(node, bound)
    return sorted(found, key=lambda each: each.line)


def _lacks_of(node: ast.AST, bound: frozenset[str]) -> Iterator[Lack]:
    for kinds, construct, hint in _BY_TYPE:
        if isinstance(node, kinds):
            yield Lack(getattr(node, "lineno", 1), f"`{construct}`", hint)
    for name, construct in _UNIMPLEMENTED.values():
        if type(node).__name__ == name:
            yield Lack(getattr(node, "lineno", 1), construct, "write it without")
    if isinstance(node, ast.ClassDef):
        yield from _class_lacks(node)
    elif isinstance(node, ast.comprehension) and node.is_async:
        yield Lack(node.target.lineno, "an async comprehension", "use a plain one")
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        if node.id in MISSING_BUILTINS and node.id not in bound:
            yield Lack(node.lineno, f"the built-in `{node.id}`", "do without it")
    elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "conv":
        if node.attr in NOT_SUPPORTED:
            yield Lack(node.lineno, f"`conv.{node.attr}`", "see docs/guides/functions.md for what conv has")
        elif node.attr in WITHOUT_EFFECT:
            yield Lack(node.lineno, f"`conv.{node.attr}`", "it is taken and noted, and does nothing here", True)


def _class_lacks(node: ast.ClassDef) -> Iterator[Lack]:
    if node.bases or node.keywords:
        bases = ", ".join(_text(each) for each in node.bases) or "a metaclass"
        yield Lack(node.lineno, f"class inheritance (`class {node.name}({bases})`)", _instead(bases))
    for item in node.body:
        if isinstance(item, Definition):
            for decorator in item.decorator_list:
                yield Lack(
                    decorator.lineno, f"a decorated method (`@{_text(decorator)}`)", "write a plain method or function"
                )
        elif not isinstance(item, ast.Assign | ast.AnnAssign | ast.Pass) and not _is_text(item):
            kind = type(item).__name__.removesuffix("Def").lower()
            yield Lack(item.lineno, f"`{kind}` in the body of a class", "keep methods and simple values there")


def _text(node: ast.expr) -> str:
    try:
        return ast.unparse(node)[:80]
    except RecursionError:
        return "…"


def _instead(bases: str) -> str:
    if "Exception" in bases or "Error" in bases:
        return "raise a built-in exception such as ValueError or RuntimeError"
    if "Enum" in bases:
        return "use plain values or a class without bases"
    if "TypedDict" in bases or "NamedTuple" in bases:
        return "use @dataclass or a dict"
    return "write the class without bases"


def _is_text(item: ast.stmt) -> bool:
    return isinstance(item, ast.Expr) and isinstance(item.value, ast.Constant)


def _bound_names(tree: ast.Module) -> frozenset[str]:
    """Returns the names that a module binds anywhere, so that a function called `dir` is nobody's built-in."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, Definition | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            names.add(node.id)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
        elif isinstance(node, ast.alias):
            names.add((node.asname or node.name).split(".")[0])
    return frozenset(names)
