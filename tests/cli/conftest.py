"""A jugfile that most of the screens are about."""

import pytest

from tests.cli.damage import JOBS

PIPELINE = """
    from jug import TaskGenerator

    @TaskGenerator
    def double(x):
        return 2 * x

    @TaskGenerator
    def add(xs):
        return sum(xs)

    total = add([double(i) for i in range(5)])
    twice = double(total)
"""

FAILING = """
    from jug import TaskGenerator

    @TaskGenerator
    def check(x):
        if x:
            raise ValueError(f"{x} is not allowed")
        return x

    @TaskGenerator
    def after(x):
        return x

    after(check(1))
    check(0)
    check(2)
"""


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


def screen(text: str) -> str:
    """What a table shows, without the blanks at the ends of its lines."""
    return "\n".join(line.rstrip() for line in text.splitlines())
