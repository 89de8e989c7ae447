"""Kinds are listed in one place, and nothing but the runtime and the importers names one."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from greenroom.kinds import ALL, KINDS

SRC = Path(__file__).resolve().parents[2] / "src" / "greenroom"
MAY_NAME_KINDS = ("kinds/", "runtime/", "importers/")

# (file, kind): why it may. A word that means something else there is a reason; convenience is none.
ALLOWED: dict[tuple[str, str], str] = {
    ("domain/knowledge.py", "knowledge"): "R33 is a rule about this kind alone: which documents a version lists",
    ("domain/references.py", "variant"): "its placeholder names an attribute, {{variant.address}}, not a slug",
}


def modules_of_kinds() -> set[str]:
    return {file.stem for file in (SRC / "kinds").glob("*.py")} - {"__init__"}


def test_every_module_is_in_the_list_under_its_own_name() -> None:
    assert modules_of_kinds() == set(KINDS)
    for kind in ALL:
        assert kind.model.__module__ == f"greenroom.kinds.{kind.name}"


def named_kinds(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yields (line, kind) where a literal stands for a kind: in Address(…), `.kind == …`, KINDS[…], "kind/slug"."""
    for node in ast.walk(tree):
        for literal in _literals_for_kinds(node):
            if isinstance(literal.value, str) and literal.value.partition("/")[0] in KINDS:
                yield literal.lineno, literal.value.partition("/")[0]


def _literals_for_kinds(node: ast.AST) -> Iterator[ast.Constant]:
    if isinstance(node, ast.Call):
        name = _last_name(node.func)
        if name in ("Address", "parse_address") or (
            name == "get" and isinstance(node.func, ast.Attribute) and _is_kind(node.func.value)
        ):
            yield from _constants(node.args[:1])
        yield from _constants([each.value for each in node.keywords if each.arg == "kind"])
    elif isinstance(node, ast.Compare) and any(_is_kind(each) for each in (node.left, *node.comparators)):
        yield from _constants([node.left, *node.comparators])
    elif isinstance(node, ast.Subscript) and _is_kind(node.value):
        yield from _constants([node.slice])
    elif isinstance(node, ast.Match) and _is_kind(node.subject):
        for case in node.cases:
            yield from _constants(list(ast.walk(case.pattern)))
    elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if any(_is_kind(target) for target in targets):
            yield from _constants([node.value])
    elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "/" in node.value:
        kind, _, slug = node.value.partition("/")
        if kind in KINDS and slug and slug == slug.lower() and " " not in node.value:
            yield node


def _constants(nodes: list[ast.AST] | list[ast.expr]) -> Iterator[ast.Constant]:
    for node in nodes:
        if isinstance(node, ast.Constant):
            yield node
        elif isinstance(node, ast.Tuple | ast.List | ast.Set):
            yield from _constants(node.elts)
        elif isinstance(node, ast.Call) and _last_name(node.func) == "frozenset":
            yield from _constants(node.args)


def _last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _is_kind(node: ast.expr) -> bool:
    name = _last_name(node).lower()
    return name in {"kind", "kinds", "kind_name"} or name.endswith(("_kind", "_kinds"))


def named_outside() -> dict[tuple[str, str], list[int]]:
    found: dict[tuple[str, str], list[int]] = {}
    for file in sorted(SRC.rglob("*.py")):
        name = file.relative_to(SRC).as_posix()
        if name.startswith(MAY_NAME_KINDS):
            continue
        for line, kind in named_kinds(ast.parse(file.read_text())):
            found.setdefault((name, kind), []).append(line)
    return found


def test_nothing_outside_names_a_kind() -> None:
    new = {place: lines for place, lines in named_outside().items() if place not in ALLOWED}
    assert not new, f"a kind is named outside kinds/, runtime/ and importers/: {new}"


def test_the_list_of_exceptions_holds_nothing_stale() -> None:
    for file, kind in ALLOWED:
        assert f'"{kind}"' in (SRC / file).read_text(), f"{file} no longer names {kind}: take the line out"


@pytest.mark.parametrize(
    "text",
    [
        'Address("topic", slug)',
        'parse_address("voice/default")',
        'if address.kind == "topic": pass',
        'if entity.kind in ("topic", "rule"): pass',
        'KINDS["sms"]',
        'kinds.get("handoff")',
        'find(kind="agent")',
        'KIND = "settings"',
        'where = "settings/default"',
        'match address.kind:\n    case "topic":\n        pass',
        'TEXT_KINDS = frozenset({"topic"})',
    ],
)
def test_a_planted_name_is_found(text: str) -> None:
    assert list(named_kinds(ast.parse(text)))


@pytest.mark.parametrize("text", ['x["settings"]', 'event.topic == "topic"', 'f("rule")', 'url = "settings"'])
def test_plain_words_are_let_through(text: str) -> None:
    assert not list(named_kinds(ast.parse(text)))
