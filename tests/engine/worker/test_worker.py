"""What a worker does in which order: claims, looks, starts, stores, releases; others come in between."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import jug.task
from jug import hooks
from jug.backends.file_store import file_store
from jug.engine.failures.report import crash_report, failure_report
from jug.engine.session.open import open_session
from jug.engine.worker.crashes import lost
from jug.engine.worker.state import ExecutionState
from jug.engine.worker.worker import Worker
from jug.errors import Leave
from jug.executors.base import Outcome
from jug.hooks.exit_checks import exit_after_n_tasks
from jug.options import default_options
from jug.task import Task

RAN: list[int] = []

#: What happens while the task of a number runs.
DURING: dict[int, Callable[[], object]] = {}


def note(number: int, *_needed: Any) -> int:
    """A task that leaves a trace."""
    RAN.append(number)
    if number in DURING:
        DURING[number]()
    return number


@pytest.fixture
def stores(jug_clean: Path) -> Iterator[tuple[file_store, file_store]]:
    """Two stores in one jugdir: the worker's own and another one's."""
    del RAN[:]
    DURING.clear()
    mine, others = file_store("jugdata"), file_store("jugdata")
    jug.task.Task.store = mine
    yield mine, others
    others.close()
    mine.close()


def working(store: file_store) -> Worker:
    """A worker on all tasks."""
    return Worker(jug.task.alltasks, store, default_options, ExecutionState())


def before(worker: Worker, step: str, act: Callable[[], object]) -> None:
    """Has something happen before the first time that the worker takes this step."""
    work: Any = worker._session
    real = getattr(work, step)
    todo = [act]

    def wrapped(*args: Any) -> Any:
        if todo:
            todo.pop()()
        return real(*args)

    setattr(work, step, wrapped)


def store_result(store: file_store, task: Any) -> None:
    """Another worker finishes a task."""
    store.dump(0, task.hash())
    store.native.flush()


def test_a_task_that_another_worker_finished_before_it_was_claimed_does_not_run(
    stores: tuple[file_store, file_store],
) -> None:
    """C1: what was stored before the claim is seen by the refresh after it."""
    mine, others = stores
    task = Task(note, 1)
    worker = working(mine)
    before(worker, "claim", lambda: store_result(others, task))
    worker.run()
    assert RAN == []


def test_a_claim_is_released_when_its_result_can_be_seen(stores: tuple[file_store, file_store]) -> None:
    """C2: the worker that gets the claim sees the result."""
    mine, others = stores
    for number in range(30):
        Task(note, number)
    worker = working(mine)
    released: list[bytes] = []
    unseen: list[bytes] = []
    real: Any = mine.claims

    class Watched:
        def __getattr__(self, name: str) -> Any:
            return getattr(real, name)

        def release(self, keys: Any) -> None:
            real.release(keys)
            others.native.refresh()
            released.extend(keys)
            unseen.extend(key for key in keys if not others.native.contains(key))

    work: Any = worker._session
    work._claims = Watched()
    worker.run()
    assert (len(RAN), len(released), unseen) == (30, 30, [])


def test_what_waits_in_a_batch_is_not_started_once_a_result_was_taken_away(
    stores: tuple[file_store, file_store],
) -> None:
    """A task that lost its input meanwhile would have to wait for it: it is put back, and asked for again."""
    mine, others = stores
    first = Task(note, 0)
    # In a file of its own, which goes away with the result.
    mine.dump(os.urandom(1 << 20), first.hash())
    mine.native.flush()
    behind = [Task(note, number, first) for number in (1, 2)]
    worker = working(mine)
    attempted: list[int] = []
    real: Any = worker._settle

    def settle(node: int, *args: Any) -> bool:
        attempted.append(node)
        return bool(real(node, *args))

    worker._settle = settle  # type: ignore[method-assign]
    before(worker, "present", lambda: others.remove_many([first.hash()]))
    nodes = worker._scheduler.take(2)
    worker._run_batch(nodes)
    assert len(nodes) == len(behind)
    assert len(attempted) == 1
    assert RAN == []
    worker.run()
    assert sorted(RAN) == [0, 1, 2]


@pytest.fixture
def no_hooks_left() -> Iterator[None]:
    """What a test registers is forgotten after it."""
    yield
    hooks.reset_all_hooks()


@pytest.mark.usefixtures("no_hooks_left")
def test_a_task_after_which_a_hook_ends_the_worker_is_counted(stores: tuple[file_store, file_store]) -> None:
    """It has its result."""
    mine, _ = stores
    for number in range(3):
        Task(note, number)
    worker = working(mine)
    shown: list[tuple[int, int, int]] = []
    work: Any = worker._session
    work.set_idle = lambda *counts: shown.append(counts)
    exit_after_n_tasks(2)
    with pytest.raises(Leave):
        worker.run()
    assert (len(RAN), worker._state.executed.total()) == (2, 2)
    assert shown[-1] == (2, 0, 0)


@pytest.mark.usefixtures("no_hooks_left")
def test_tasks_that_were_found_finished_are_counted_where_a_hook_ends_the_worker(
    stores: tuple[file_store, file_store],
) -> None:
    """All that were found together, although the hook is called of the first of them."""
    mine, _ = stores
    for number in range(3):
        store_result(mine, Task(note, number))

    def leave(_task: Task) -> None:
        raise Leave(0)

    hooks.register_hook("execute.task-loadable", leave)
    worker = working(mine)
    with pytest.raises(Leave):
        worker.run()
    assert worker._state.loaded.total() == 3


def test_deaths_that_were_recorded_since_the_store_was_opened_count_from_the_first_task_on(
    stores: tuple[file_store, file_store],
) -> None:
    """A worker that loads its jugfile for long would run what has ended another one, and end as well."""
    mine, others = stores
    task = Task(note, 1)
    times = int(default_options.execute_crash_limit)
    key = bytes.fromhex(task.hash().decode())
    open_session(others).save_failure(key, crash_report(lost(times), "1"), "note")
    others.native.flush()
    worker = working(mine)
    worker.run()
    assert RAN == []


# --- tasks that others had fail ---


def failed(store: file_store, task: Any, **more: Any) -> None:
    """Another worker had a task fail."""
    report = {**failure_report(task, FAILURE, attempt=9, kept=False), **more}
    store.native.save_failure(bytes.fromhex(task.hash().decode()), report)
    store.native.flush()


FAILURE = Outcome(None, ValueError("no luck"), 1.5, 0.0, 0.25)


@pytest.mark.parametrize("what", [{"kept": True}, {"again": False}, {"again": True}])
def test_a_task_that_failed_elsewhere_before_it_was_claimed_does_not_run(
    stores: tuple[file_store, file_store], what: dict[str, bool]
) -> None:
    """It is marked, or was tried often enough, or its next run has a pause before it."""
    mine, others = stores
    task = Task(note, 1)
    worker = working(mine)
    before(worker, "claim", lambda: failed(others, task, **what))
    before(worker, "wait_for_news", lambda: store_result(others, task))
    state = worker._state
    worker.run()
    assert RAN == []
    assert state.loaded.total() == ("again" in what and what["again"])


def test_a_worker_sleeps_through_a_pause(stores: tuple[file_store, file_store]) -> None:
    """It does not look in between as it does for claims of others, and begins when the pause is over."""
    mine, others = stores
    task = Task(note, 1)
    failed(others, task, attempt=1, again=True)
    worker = working(mine)
    work: Any = worker._session
    asked: list[float] = []
    real = work.wait_for_news

    def wait(seconds: float) -> object:
        asked.append(seconds)
        return real(seconds)

    work.wait_for_news = wait
    began = time.monotonic()
    worker.run()
    assert RAN == [1]
    assert time.monotonic() - began > 0.9
    assert 0.8 < asked[0] <= 1.0
    assert len(asked) < 5
    facts = mine.native.facts(bytes.fromhex(task.hash().decode()))
    assert facts is not None
    assert facts["attempt"] == 2


def test_a_task_whose_failure_is_cleared_has_no_pause(
    stores: tuple[file_store, file_store],
) -> None:
    """Its pause would be 256 s."""
    mine, others = stores
    task = Task(note, 1)
    failed(others, task, again=True)
    worker = working(mine)
    key = bytes.fromhex(task.hash().decode())
    before(worker, "wait_for_news", lambda: others.native.clear_failures([key]) and others.native.flush())
    worker.run()
    assert RAN == [1]
    facts = mine.native.facts(key)
    assert facts is not None
    assert facts["attempt"] == 1


def test_what_failed_for_good_elsewhere_and_is_cleared_runs(stores: tuple[file_store, file_store]) -> None:
    """Also in a worker that knows of it; then it has failed nowhere."""
    mine, others = stores
    task, other = Task(note, 1), Task(note, 2)
    worker = working(mine)
    key = bytes.fromhex(task.hash().decode())
    before(worker, "claim", lambda: failed(others, task, again=False))
    DURING[2] = lambda: others.native.clear_failures([key]) and others.native.flush()
    assert worker.run() is False
    assert sorted(RAN) == [1, 2]
    assert other.can_load()
