"""docs/guides/add-a-kind.md is true: its code is a kind in one file and one line."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from greenroom.kinds.schema import ModelKind
from tests.contract.kinds.suite import CHECKS

ROOT = Path(__file__).resolve().parents[3]
GUIDE = (ROOT / "docs" / "guides" / "add-a-kind.md").read_text()


def code_of_guide() -> str:
    (code,) = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    return code


def kind_of_guide() -> ModelKind:
    found: dict[str, object] = {"__name__": "greeting_card"}
    module = type(sys)("greeting_card")
    module.__dict__.update(found)
    sys.modules["greeting_card"] = module
    exec(compile(code_of_guide(), "add-a-kind.md", "exec"), module.__dict__)
    return module.__dict__["KIND"]


KIND = kind_of_guide()


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_kind_of_the_guide_keeps_the_contract(check: Callable[[ModelKind], None]) -> None:
    check(KIND)


def test_one_file_and_one_line_make_a_kind(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "src" / "greenroom", tmp_path / "greenroom", ignore=shutil.ignore_patterns("__pycache__"))
    kinds = tmp_path / "greenroom" / "kinds"
    (name,) = re.findall(r"kinds/(\w+)\.py`, named", GUIDE)
    (line,) = re.findall(r"Add `(\w+\.KIND)`", GUIDE)
    (kinds / f"{name}.py").write_text(code_of_guide())
    listed = (kinds / "__init__.py").read_text()
    listed = listed.replace("from greenroom.kinds import (", f"from greenroom.kinds import (\n    {name},")
    listed = listed.replace("    settings.KIND,\n", f"    settings.KIND,\n    {line},\n")
    (kinds / "__init__.py").write_text(listed)
    program = (
        "from greenroom.kinds import KINDS, ALL\n"
        "import greenroom\n"
        f"assert greenroom.__file__.startswith({str(tmp_path)!r})\n"
        f"kind = KINDS[{name!r}]\n"
        "assert ALL[-1] is kind and kind.validate(kind.sample) == ()\n"
        "from greenroom.domain.entities import Address\n"
        "from greenroom.wire.folder import from_files, to_files\n"
        "entities = {Address(kind.name, 'welcome'): kind.complete(kind.sample)}\n"
        "files = to_files(entities, KINDS)\n"
        "assert 'greeting_card/welcome.yaml' in files\n"
        "assert from_files(files, KINDS) == entities\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_everything_that_the_guide_names_exists() -> None:
    for path in re.findall(r"`((?:src|tests|docs)/[\w/.-]+)`", GUIDE):
        assert path.endswith("greeting_card.py") or (ROOT / path).exists(), path
