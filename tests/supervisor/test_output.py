"""What workers print is passed on: which lines, and what stands in front of them."""

from __future__ import annotations

import tracemalloc

import pytest

from jug.supervisor.output import WorkerOutput


class Shown:
    """A display that keeps what is printed."""

    def __init__(self):
        self.lines = []

    def write(self, data, *, is_error):
        self.lines += [(line, is_error) for line in data.decode().splitlines()]


@pytest.fixture
def shown():
    """What is printed."""
    return Shown()


@pytest.mark.parametrize(
    ("n_workers", "worker", "task", "line"),
    [
        (1, 1, "", "text"),
        (1, 1, "m.f", "[m.f] text"),
        (2, 1, "", "[1] text"),
        (2, 2, "m.f", "[2 m.f] text"),
        (2, 0, "", "text"),
        (1, 1, "m.\x1b[1mf\n", "[m.\\x1b[1mf] text"),
    ],
)
def test_worker_and_task_stand_in_front_where_there_are_several_and_where_it_is_known(
    shown, n_workers, worker, task, line
):
    WorkerOutput(n_workers).write(shown, worker, task, b"text\n", is_error=False, is_starting=False)
    assert shown.lines == [(line, False)]


def test_what_jug_says_in_each_worker_is_printed_for_the_first_that_says_it(shown):
    output = WorkerOutput(2)
    for worker in (1, 2, 1):
        output.write(shown, worker, "", b"jug: warning\n", is_error=True, is_starting=False)
    assert shown.lines == 2 * [("[1] jug: warning", True)]


def test_what_tasks_print_is_printed_whatever_it_looks_like(shown):
    output = WorkerOutput(2)
    for worker in (1, 2):
        output.write(shown, worker, "m.f", b"jug: warning\n", is_error=True, is_starting=False)
    assert len(shown.lines) == 2


def test_what_was_said_is_remembered_in_bounded_memory(shown):
    output = WorkerOutput(2)
    tracemalloc.start()
    for number in range(50_000):
        output.write(shown, 1, "", b"jug: %d\n" % number, is_error=True, is_starting=False)
        shown.lines.clear()
    assert tracemalloc.get_traced_memory()[0] < 1_000_000
    tracemalloc.stop()
