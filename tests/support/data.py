"""Real exports of other systems, which lie outside the repository, or our own small ones in their place."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "tests" / "fixtures"


def shared_data_wanted() -> Path:
    """Returns where real data would lie: GREENROOM_TEST_DATA, or ../shared/data beside the repository."""
    named = os.environ.get("GREENROOM_TEST_DATA")
    return Path(named) if named else ROOT.parent / "shared" / "data"


def has_shared_data() -> bool:
    return (shared_data_wanted() / "polyai-healthcare").is_dir()


def shared_data() -> Path:
    """Returns the folder of real data where it exists, else tests/fixtures. The run's summary says which."""
    return shared_data_wanted() if has_shared_data() else FIXTURES


def polyai_exports() -> tuple[Path, Path]:
    """Returns one PolyAI agent at two dates, older first."""
    if has_shared_data():
        agent = shared_data() / "polyai-healthcare"
        return agent / "2026-07-01", agent / "2026-08-22"
    agent = FIXTURES / "polyai-clinic"
    return agent / "2026-01-01", agent / "2026-02-01"
