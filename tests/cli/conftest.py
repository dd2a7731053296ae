"""A jugfile that most of the screens are about."""

import pytest

from tests.support.damage import JOBS
from tests.support.jugfiles import FAILING, PIPELINE


@pytest.fixture
def pipeline(jug):
    """`jug` beside a jugfile.py of seven tasks: five, one that adds them up, one that doubles the sum."""
    jug.write(PIPELINE)
    return jug


@pytest.fixture
def failing(jug):
    """`jug` beside a jugfile.py of which two tasks raise and one waits for one of those."""
    jug.write(FAILING)
    return jug


@pytest.fixture
def finished(jug):
    """`jug` beside a jugfile.py of nine tasks that are done, two of them with large results."""
    jug.write(JOBS)
    assert jug("execute").returncode == 0
    return jug
