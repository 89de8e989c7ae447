"""functions/*.py, flows/*/functions/*.py and flows/*/function_steps/*.py → function.

Code is parsed for its description, parameters and state variables; it is never run, and stored to the byte.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from greenroom.domain.entities import Address, slugify
from greenroom.importers.polyai.desk import Desk
from greenroom.importers.polyai.names import MAX_SLUG, Names

Definition = ast.FunctionDef | ast.AsyncFunctionDef

PLATFORM_PARAMETERS = frozenset({"conv", "flow"})
_JSON_TYPES = {"str": "string", "int": "integer", "float": "number", "bool": "boolean"}
_STATE_TYPES: tuple[tuple[type, str], ...] = (
    (bool, "boolean"), (int, "number"), (float, "number"), (str, "text"),
)  # fmt: skip
_PLACE = re.compile(r"(?:flows/(?P<flow>[^/]+)/)?(?P<folder>functions|function_steps)/(?P<stem>[^/]+)\.py")

NOT_LITERAL = "it is worked out by code; the code itself is kept and says it still"
NO_TYPE = "only str, int, float and bool have a counterpart; the parameter is listed without a type"
NO_SUCH_PARAMETER = "the decorator describes a parameter that the function does not take"


@dataclass(slots=True)
class Module:
    """A Python file: where it belongs, its text and what its syntax tree says."""

    path: str
    code: str
    flow: str
    stem: str
    is_step: bool
    main: Definition | None
    state: Mapping[str, str] = field(default_factory=dict[str, str])
    slug: str = ""

    @property
    def role(self) -> str:
        """Returns how the function is used; a module without a function of its own name is a helper."""
        if self.main is None:
            return "helper"
        return "step" if self.is_step else "function"


def parse_python(desk: Desk, path: str) -> tuple[str, ast.Module] | None:
    """Returns the text and the tree of a Python file, or None after noting why it does not parse."""
    code = desk.text_of(path)
    if code is None:
        return None
    try:
        with warnings.catch_warnings():
            # A doubtful escape in somebody's string is theirs to mend, not a reason to refuse.
            warnings.simplefilter("ignore")
            return code, ast.parse(desk.files[path], path)
    except SyntaxError as wrong:
        message = f"the Python does not parse: {wrong.msg}"
        desk.fault(path, wrong.lineno or 1, message, "run `python -m py_compile` on the file", "invalid_python")
    except (ValueError, RecursionError, MemoryError) as wrong:
        desk.fault(path, 1, f"the Python does not parse: {wrong or type(wrong).__name__}", "", "invalid_python")
    return None


def read_module(desk: Desk, path: str) -> Module | None:
    """Returns a function file with its facts, or None after noting its faults."""
    parsed = parse_python(desk, path)
    place = _PLACE.fullmatch(path)
    if parsed is None or place is None:
        return None
    code, tree = parsed
    stem = place["stem"]
    mains = [n for n in tree.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef) and n.name == stem]
    main = mains[-1] if mains else None
    return Module(path, code, place["flow"] or "", stem, place["folder"] == "function_steps", main, find_state(tree))


def find_state(tree: ast.Module) -> dict[str, str]:
    """Returns the names of `conv.state.x` in code (methods left out) with the type their values suggest."""
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    found: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        name = _state_name(node)
        if name and id(node) not in called:
            found.setdefault(name, set())
        if isinstance(node, ast.Assign):
            for assigned in filter(None, map(_state_name, node.targets)):
                found.setdefault(assigned, set()).update(_types_of(node.value))
    return {name: _one_type(types) for name, types in sorted(found.items())}


def _one_type(types: set[str]) -> str:
    """Returns the type all assignments agree on, 'text' where they do not, '' where there are none."""
    return next(iter(types)) if len(types) == 1 else "text" if types else ""


def name_functions(modules: list[Module], names: Names, flows: Mapping[str, str]) -> None:
    """Gives every module its slug: the file's name, behind the flow's where it belongs to one."""
    # Transition functions come before function steps of the same name: only they can be mentioned in a text.
    for module in sorted(modules, key=lambda each: (each.is_step, each.path)):
        plain = slugify(module.stem)
        if module.flow:
            plain = f"{flows[module.flow]}--{plain or 'function'}"[:MAX_SLUG].rstrip("-_")
        module.slug = names.assign("function", plain or module.stem, module.path, as_written=bool(plain))
        names.functions.setdefault((module.flow, module.stem), module.slug)
    for module in modules:
        for name, kind in module.state.items():
            if kind:
                names.types[name] = kind if names.types.get(name, kind) == kind else "text"


def read_function(module: Module, desk: Desk, names: Names, flows: Mapping[str, str]) -> None:
    """Lays down one function."""
    address = Address("function", module.slug)
    body: dict[str, Any] = {"name": module.stem, "code": module.code, "role": module.role}
    if module.flow:
        body["workflow"] = flows[module.flow]
    if module.main is not None:
        body |= _describe(module, module.main, desk, address)
    desk.put(address, module.path, body)
    items = {"function": "function", "step": "function step", "helper": "helper module"}
    desk.read(module.path, items[module.role], address)
    for name in module.state:
        names.use_variable(name, module.path)


def _describe(module: Module, main: Definition, desk: Desk, address: Address) -> dict[str, Any]:
    described: dict[str, str] = {}
    body: dict[str, Any] = {}
    for name, call in _decorators(main):
        values = _literals(call)
        if values is None:
            desk.note(module.path, f"@{name}", "not_supported", NOT_LITERAL, address=address)
        elif name == "func_description":
            body["description"] = str(values.get("0", values.get("description", "")))
        elif name == "func_parameter":
            text = str(values.get("1", values.get("description", "")))
            described[str(values.get("0", values.get("name", "")))] = text
        elif name == "func_latency_control":
            body["latency"] = values
            desk.read(module.path, "latency control", address)
    parameters = _parameters(module, main, described, desk, address)
    return body | ({"parameters": parameters} if parameters else {})


def _parameters(
    module: Module,
    main: Definition,
    described: dict[str, str],
    desk: Desk,
    address: Address,
) -> dict[str, Any]:
    """Returns the JSON Schema of what a caller gives, conv and flow left out."""
    properties: dict[str, Any] = {}
    required: list[str] = []
    arguments = [*main.args.posonlyargs, *main.args.args, *main.args.kwonlyargs]
    positional = [*main.args.posonlyargs, *main.args.args]
    optional = {each.arg for each in positional[len(positional) - len(main.args.defaults) :]}
    keywords = zip(main.args.kwonlyargs, main.args.kw_defaults, strict=True)
    optional |= {each.arg for each, default in keywords if default is not None}
    for argument in arguments:
        if argument.arg in PLATFORM_PARAMETERS:
            continue
        note = argument.annotation
        kind = _JSON_TYPES.get(note.id) if isinstance(note, ast.Name) else None
        if kind is None:
            item = f"type of parameter {argument.arg}"
            desk.note(module.path, item, "not_supported", NO_TYPE, address=address)
        text = described.pop(argument.arg, "")
        properties[argument.arg] = ({"type": kind} if kind else {}) | ({"description": text} if text else {})
        if argument.arg not in optional:
            required.append(argument.arg)
    for name in described:
        desk.note(module.path, f"@func_parameter {name}", "not_supported", NO_SUCH_PARAMETER, address=address)
    desk.read(module.path, "parameter", address, len(properties))
    return {"type": "object", "properties": properties, "required": required} if properties else {}


def _decorators(main: Definition) -> Iterator[tuple[str, ast.Call]]:
    for node in main.decorator_list:
        called = node.func if isinstance(node, ast.Call) else None
        if isinstance(node, ast.Call) and isinstance(called, ast.Name) and called.id.startswith("func_"):
            yield called.id, node


def _literals(call: ast.Call) -> dict[str, Any] | None:
    """Returns a call's arguments by place ('0', '1') and name, or None when one is not a plain value."""
    try:
        values = {str(place): ast.literal_eval(item) for place, item in enumerate(call.args)}
        return values | {str(k.arg): _json(ast.literal_eval(k.value)) for k in call.keywords if k.arg}
    except (ValueError, TypeError, RecursionError, MemoryError):
        return None


def _json(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _json(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_json(item) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ValueError(f"{type(value).__name__} is not a JSON value")


def _state_name(node: ast.AST) -> str:
    """Returns x of `conv.state.x`, or ''."""
    if not (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute)):
        return ""
    owner = node.value.value
    return node.attr if node.value.attr == "state" and isinstance(owner, ast.Name) and owner.id == "conv" else ""


def _types_of(value: ast.expr) -> set[str]:
    """Returns the variable type a value suggests; none for None, which is how code says "not yet"."""
    if isinstance(value, ast.Constant):
        if value.value is None:
            return set()
        return {next((name for kind, name in _STATE_TYPES if isinstance(value.value, kind)), "text")}
    if isinstance(value, ast.List | ast.Tuple):
        return {"list"}
    return {"object" if isinstance(value, ast.Dict) else "text"}
