"""Workers that meet where claims cost requests to a server: they go elsewhere, or look where others are."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import jug.task
from jug.backends.file_store import file_store
from jug.engine.worker.state import ExecutionState
from jug.engine.worker.worker import Worker
from jug.options import default_options
from jug.task import Task

OTHER = """
import sys
from jug.backends.file_store import file_store
store = file_store("jugdata")
keys = [bytes.fromhex(key) for key in sys.argv[1:]]
assert all(store.claims.claim(keys))
print("claimed", flush=True)
sys.stdin.read()
"""


def double(number: int) -> int:
    """A task."""
    return 2 * number


@pytest.fixture
def worker(jug_clean: Path) -> Iterator[Worker]:
    """A worker on twenty tasks, of which another process has claimed the first ten."""
    store = file_store("jugdata", claims="link")
    jug.task.Task.store = store
    tasks = [Task(double, number) for number in range(20)]
    store.dump(0, b"f" * 40)
    command = [sys.executable, "-c", OTHER, *(task.hash().decode() for task in tasks[:10])]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"claimed\n"
        yield Worker(tasks, store, default_options, ExecutionState())
        other.communicate()
    store.close()


def test_who_meets_another_worker_twice_looks_where_the_others_are(worker: Worker) -> None:
    """After the second meeting in a row, nothing is offered that others have claimed."""
    worker._contention.after_claiming(met=True)
    assert worker._scheduler.busy_nodes() == []
    worker._contention.after_claiming(met=True)
    assert sorted(worker._scheduler.busy_nodes()) == list(range(10))
    assert sorted(worker._scheduler.take(20)) == list(range(10, 20))


def test_two_meetings_with_success_in_between_are_none_in_a_row(worker: Worker) -> None:
    """Looking at all claims is for where workers meet again and again."""
    for met in (True, False, True):
        worker._contention.after_claiming(met=met)
    assert worker._scheduler.busy_nodes() == []


def test_who_meets_another_worker_goes_on_somewhere_else(worker: Worker) -> None:
    """Each worker at another place, so that two that met once do not meet at every step."""
    firsts = set()
    for _ in range(20):
        worker._contention.after_claiming(met=True)
        worker._contention.after_claiming(met=False)
        node = worker._scheduler.take(1)
        firsts.update(node)
        worker._scheduler.put_back(node)
    assert len(firsts) > 1
