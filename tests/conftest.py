"""Set-up shared by all tests: run folder, PostgreSQL server, Hypothesis profiles, gaps said at the end."""

import os
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis.core
import pytest
import structlog
from hypothesis import HealthCheck, settings
from hypothesis.vendor import pretty

from tests.support import data, gaps, postgres

# A failure is printed as it is logged: structlog's own way draws every local variable, for most of a minute.
structlog.configure(processors=[structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer()])

settings.register_profile("small", max_examples=50, deadline=None, derandomize=False, print_blob=True)
settings.register_profile(
    "long",
    settings.get_profile("small"),
    max_examples=2000,
    stateful_step_count=100,
    suppress_health_check=[HealthCheck.too_slow],
)
PROFILE = os.environ.get("GREENROOM_PROFILE", "small")
_HERE = ("127.", "::1", "localhost", "0.0.0.0", "::ffff:127.")


def _stay_here(event: str, arguments: tuple[object, ...]) -> None:
    """Refuses every connection that would leave this machine: no test may reach a provider, whatever its keys."""
    if event != "socket.connect":
        return
    address = arguments[1]
    if isinstance(address, tuple) and not str(address[0]).startswith(_HERE):
        raise PermissionError(f"a test tried to connect to {address[0]}")


sys.addaudithook(_stay_here)


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    settings.load_profile(PROFILE)
    if _is_worker(config):
        return
    if gaps.in_ci() and not data.has_shared_data():
        raise pytest.UsageError(f"CI needs the real data at {data.shared_data_wanted()} (or GREENROOM_TEST_DATA)")
    # Chosen here, once, so that workers get the same one and the header can say how to repeat the run.
    if config.getoption("hypothesis_seed", None) is None:
        config.option.hypothesis_seed = str(random.randrange(2**32))
    folder = Path(tempfile.mkdtemp(prefix="greenroom-tests-"))
    (folder / "controller").write_text(str(os.getpid()))
    os.environ[gaps.RUN_FOLDER] = str(folder)


def pytest_report_header(config: pytest.Config) -> str:
    seed = config.option.hypothesis_seed
    where = "real data" if data.has_shared_data() else "own fixtures"
    return f"greenroom: profile {PROFILE}, {where}, seed {seed} (repeat with --hypothesis-seed={seed})"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if _is_worker(config):
        return
    facts = gaps.noted_facts()
    if facts:
        terminalreporter.section("measured and counted")
        for fact in facts:
            terminalreporter.line(fact)
    found = gaps.noted_gaps()
    if not data.has_shared_data():
        found.append(f"no real data at {data.shared_data_wanted()}: tests/fixtures took its place")
    if found:
        terminalreporter.section("not tested on this machine", yellow=True)
        for gap in found:
            terminalreporter.line(gap)
    if config.option.verbose < 0 and terminalreporter.stats.get("failed"):
        # -q leaves the header out, and with it the seed.
        terminalreporter.line(str(pytest_report_header(config)))


def pytest_unconfigure(config: pytest.Config) -> None:
    if _is_worker(config) or gaps.RUN_FOLDER not in os.environ:
        return
    postgres.stop()
    shutil.rmtree(gaps.run_folder(), ignore_errors=True)
    del os.environ[gaps.RUN_FOLDER]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    # schemathesis swaps this class for a silent one; a counterexample without its values is worth little.
    setattr(hypothesis.core, "RepresentationPrinter", pretty.RepresentationPrinter)  # noqa: B010


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def postgres_server() -> postgres.Server:
    """The run's PostgreSQL server; skips where none can be had, and says so at the end."""
    try:
        return postgres.server()
    except postgres.NoPostgres as missing:
        gaps.note_gap(f"no PostgreSQL: {missing}")
        pytest.skip(f"no PostgreSQL: {missing}")


@pytest.fixture
def postgres_url(postgres_server: postgres.Server) -> Iterator[str]:
    """postgresql:// URL of a database of this test's own, copied from the migrated template."""
    with postgres.fresh_database() as url:
        yield url
