"""A sandbox of real workers for each test."""

from collections.abc import AsyncIterator

import pytest

from greenroom.providers.clock import SystemClock
from greenroom.providers.sandbox import MontySandbox


@pytest.fixture
async def sandbox() -> AsyncIterator[MontySandbox]:
    made = MontySandbox(SystemClock(), workers=2)
    yield made
    await made.close()
