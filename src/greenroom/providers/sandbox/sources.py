"""What the text of a function says, read without running it: its functions, imports and names."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib import resources

LIBRARY = (
    "calendar", "logging", "operator", "requests", "string", "urllib.parse", "uuid", "zoneinfo",
)  # fmt: skip
"""Parts of Python's library (and of `requests`) that Monty lacks and this package brings, as far as they go."""
BUILT_IN = frozenset({
    "__future__", "asyncio", "base64", "binascii", "bisect", "collections", "copy", "csv", "dataclasses", "datetime",
    "decimal", "functools", "hashlib", "itertools", "json", "math", "os", "os.path", "pathlib", "posixpath", "random",
    "re", "sys", "time", "tomllib", "typing", "unicodedata",
})  # fmt: skip
"""Modules that Monty has."""
GENERATED = frozenset({"_gen", "gen", "imports"})
"""Modules that other builders write for the editor's sake; what they hold is known here anyway."""
_PACKAGE = "greenroom.providers.sandbox"
Definition = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Signature:
    """A function that code defines at its top level."""

    name: str
    line: int
    positional: tuple[str, ...]
    required: frozenset[str]
    accepted: frozenset[str]
    takes_any: bool
    is_async: bool

    @property
    def takes_conv(self) -> bool:
        """Tells whether its first parameter is the conversation."""
        return bool(self.positional) and self.positional[0] in {"conv", "conversation"}

    @property
    def takes_flow(self) -> bool:
        """Tells whether its second parameter is the flow."""
        return self.takes_conv and len(self.positional) > 1 and self.positional[1] == "flow"


@dataclass(frozen=True, slots=True)
class Statement:
    """An import: where it stands, in bytes of its lines, and what it names."""

    node: ast.Import | ast.ImportFrom

    def wanted(self) -> Iterator[tuple[str, ast.alias]]:
        """Yields the dotted name of each module that it may load, with the alias that asks for it."""
        node = self.node
        for alias in node.names:
            if isinstance(node, ast.Import):
                yield alias.name, alias
            else:
                module = node.module or ""
                yield (f"functions.{module}".rstrip(".") if node.level else module), alias


@dataclass(frozen=True, slots=True)
class Source:
    """The text of one module and what it says."""

    code: str
    functions: Mapping[str, Signature]
    statements: Sequence[Statement]
    attributes: frozenset[str]
    called: Mapping[str, int]
    """Names behind `.functions.`, with a line."""
    public: tuple[str, ...]
    parameters: Sequence[ast.arg] = field(default_factory=list[ast.arg])
    """Parameters called conv or flow that say no type."""


@lru_cache(maxsize=1024)
def read_source(code: str) -> Source:
    """Returns what code says. Raises SyntaxError, or ValueError for text that cannot be code."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(code)
    functions: dict[str, Signature] = {}
    for node in tree.body:
        if isinstance(node, Definition):
            functions[node.name] = _signature(node)
    called: dict[str, int] = {}
    attributes: set[str] = set()
    statements: list[Statement] = []
    parameters: list[ast.arg] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            attributes.add(node.attr)
            if isinstance(node.value, ast.Attribute) and node.value.attr == "functions":
                called.setdefault(node.attr, node.lineno)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            statements.append(Statement(node))
        elif isinstance(node, Definition):
            plain = [*node.args.posonlyargs, *node.args.args]
            parameters += [each for each in plain if each.arg in {"conv", "flow"} and each.annotation is None]
    return Source(
        code, functions, statements, frozenset(attributes), called, tuple(_public(tree)), parameters
    )  # fmt: skip


def _signature(node: Definition) -> Signature:
    arguments = node.args
    positional = [each.arg for each in (*arguments.posonlyargs, *arguments.args)]
    required = set(positional[: len(positional) - len(arguments.defaults)])
    keywords = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    required |= {each.arg for each, default in keywords if default is None}
    accepted = {each.arg for each in (*arguments.args, *arguments.kwonlyargs)}
    return Signature(
        node.name,
        node.lineno,
        tuple(positional),
        frozenset(required),
        frozenset(accepted),
        arguments.kwarg is not None,
        isinstance(node, ast.AsyncFunctionDef),
    )


def _public(tree: ast.Module) -> Iterator[str]:
    """Yields the names that `from … import *` would bring."""
    for node in tree.body:
        if isinstance(node, Definition | ast.ClassDef):
            names = [node.name]
        elif isinstance(node, ast.Assign):
            names = [each.id for target in node.targets for each in ast.walk(target) if isinstance(each, ast.Name)]
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            names = [node.target.id]
        else:
            names = []
        yield from (name for name in names if not name.startswith("_"))


def choose_entry(source: Source, function: str) -> Signature | None:
    """Returns the function to call: named like the entity (`-` as `_`), `run`, or the only one that takes conv."""
    plain = function.replace("-", "_")
    for name in (plain, plain.rpartition("__")[2], function.rpartition("--")[2].replace("-", "_"), "run"):
        if name in source.functions:
            return source.functions[name]
    folded = {name.casefold(): found for name, found in source.functions.items()}
    for name in (plain, plain.rpartition("__")[2]):
        if name.casefold() in folded:
            return folded[name.casefold()]
    with_conv = [each for name, each in source.functions.items() if each.takes_conv and not name.startswith("_")]
    return with_conv[0] if len(with_conv) == 1 else None


class Shelf:
    """The modules that a function may import: the version's other functions, and the small library of this package."""

    def __init__(self, modules: Mapping[str, str]) -> None:
        self._modules = modules
        self._folded: dict[str, str] | None = None

    def find(self, dotted: str, prefix: str = "") -> str | None:
        """Returns the key of a module by its dotted name; `prefix` is the flow whose functions come first."""
        parts = dotted.split(".")
        if parts[0] == "functions" and len(parts) == 2:
            return self._own(parts[1], prefix)
        if parts[0] == "flows" and len(parts) == 4 and parts[2] in {"functions", "function_steps"}:
            return self._own(f"{parts[1]}__{parts[3]}", "") or self._own(parts[3], "")
        if dotted in BUILT_IN:
            return None
        if len(parts) == 1 and (own := self._own(dotted, prefix)):
            return own
        return dotted if dotted in LIBRARY else None

    def find_function(self, name: str, prefix: str) -> str | None:
        """Returns the key of the function that `conv.functions.name` means."""
        return self._own(name, prefix)

    def _own(self, name: str, prefix: str) -> str | None:
        plain = name.replace("-", "_")
        for key in ([f"{prefix}{plain}"] if prefix else []) + [plain, plain.casefold()]:
            if key in self._modules:
                return key
        if self._folded is None:
            self._folded = {}
            for key in sorted(self._modules):
                self._folded.setdefault(key.replace("-", "_").casefold(), key)
            for folded, key in [*self._folded.items()]:
                self._folded.setdefault(folded.rpartition("__")[2], key)
        folded = plain.casefold()
        return self._folded.get(f"{prefix}{folded}".casefold()) or self._folded.get(folded)

    def read(self, key: str) -> Source:
        """Returns a module. Raises SyntaxError."""
        return read_source(self._modules[key] if key in self._modules else library_code(key))

    def is_library(self, key: str) -> bool:
        """Tells whether a key means a module of this package."""
        return key not in self._modules


@cache
def library_code(name: str) -> str:
    """Returns the text of a file that runs inside."""
    return resources.files(_PACKAGE).joinpath("inside", f"{name}.monty").read_text(encoding="utf-8")


@cache
def stub_text() -> str:
    """Returns the types of conv and flow."""
    return resources.files(_PACKAGE).joinpath("inside", "conv.stub").read_text(encoding="utf-8")
