"""The command line, run in this process against a server that a test made up."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from greenroom.cli.main import app
from greenroom.cli.session import Surroundings
from tests.support.fake_api import FakeApi, StillClock

Run = Callable[..., Result]


@pytest.fixture
def api() -> FakeApi:
    return FakeApi()


@pytest.fixture
def run(api: FakeApi, tmp_path: Path) -> Run:
    """Runs `greenroom` with words; `typed` is what somebody at a terminal types."""

    def run_words(*words: str, typed: str | None = None, env: dict[str, str] | None = None) -> Result:
        around = Surroundings(api.transport(), StillClock(), interactive=typed is not None)
        settings = {
            "GREENROOM_URL": "http://server",
            "GREENROOM_API_KEY": "secret",
            "GREENROOM_PROJECT": "hotel",
            "GREENROOM_CONFIG": str(tmp_path / "login.json"),
            **(env or {}),
        }
        unset = {name: value or None for name, value in settings.items()}
        result = CliRunner().invoke(app, list(words), obj=around, env=unset, input=typed, catch_exceptions=False)
        assert "Traceback" not in result.output
        return result

    return run_words
