"""Names and sizes of modules and functions. The lists of exceptions may only shrink."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src" / "greenroom"

FORBIDDEN_NAMES = {
    "utils",
    "util",
    "helpers",
    "helper",
    "common",
    "misc",
    "base",
    "manager",
    "core",
    "types",
    "handler",
}
FORBIDDEN_NAMES |= {"handlers", "managers", "lib", "shared"}

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 50
# path: lines, path::function: lines. Lower a number when it falls; never add a line, never raise one.
LONG_FILES: dict[str, int] = {}
LONG_FUNCTIONS: dict[str, int] = {}


def modules(root: Path) -> list[Path]:
    return sorted(root.rglob("*.py"))


def ill_named(root: Path) -> set[str]:
    """Returns modules and folders with a name that says nothing about what is inside."""
    paths = [path.relative_to(root) for path in modules(root)]
    return {str(path) for path in paths if FORBIDDEN_NAMES & {*path.parts[:-1], path.stem}}


def long_files(root: Path) -> dict[str, int]:
    lengths = {str(path.relative_to(root)): len(path.read_text().splitlines()) for path in modules(root)}
    return {name: length for name, length in lengths.items() if length > MAX_FILE_LINES}


def long_functions(root: Path) -> dict[str, int]:
    found: dict[str, int] = {}
    for path in modules(root):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > MAX_FUNCTION_LINES:
                    found[f"{path.relative_to(root)}::{node.name}"] = length
    return found


def check_shrinking(found: dict[str, int], allowed: dict[str, int], limit: int) -> None:
    new = {name: size for name, size in found.items() if name not in allowed}
    assert not new, f"over {limit} lines, so a noun is missing: {new}"
    grown = {name: size for name, size in found.items() if size > allowed[name]}
    assert not grown, f"grew beyond what the list allows: {grown}"
    stale = {name: size for name, size in allowed.items() if found.get(name, 0) < size}
    assert not stale, f"became shorter: lower or remove the entry: {stale}"


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert not ill_named(SRC)


def test_files_stay_below_400_lines() -> None:
    check_shrinking(long_files(SRC), LONG_FILES, MAX_FILE_LINES)


def test_functions_stay_below_50_lines() -> None:
    check_shrinking(long_functions(SRC), LONG_FUNCTIONS, MAX_FUNCTION_LINES)


def test_the_lists_of_exceptions_hold_no_new_name() -> None:
    assert set(LONG_FILES) <= set()
    assert set(LONG_FUNCTIONS) <= set()


@pytest.mark.parametrize("name", ["utils.py", "domain/helpers.py", "services/common/__init__.py", "sdk/base.py"])
def test_a_planted_bad_name_is_caught(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).touch()
    assert ill_named(tmp_path) == {name}


def test_a_planted_long_file_and_function_are_caught(tmp_path: Path) -> None:
    (tmp_path / "long.py").write_text("x = 1\n" * 401)
    (tmp_path / "deep.py").write_text("class A:\n    async def f(self):\n" + "        x = 1\n" * 50)
    assert long_files(tmp_path) == {"long.py": 401}
    assert long_functions(tmp_path) == {"deep.py::f": 51}


@pytest.mark.parametrize("allowed, size", [({}, 401), ({"a.py": 410}, 411), ({"a.py": 410}, 409), ({"a.py": 410}, 0)])
def test_an_exception_may_only_shrink(allowed: dict[str, int], size: int) -> None:
    with pytest.raises(AssertionError):
        check_shrinking({"a.py": size} if size else {}, allowed, MAX_FILE_LINES)
