"""Runs of claimed tasks in the native half, one after the other."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jug import Task, _native
from jug.backends.file_store import file_store
from jug.hooks.register import register_hook, registered
from jug.task import _PLAIN_EXECUTE

RAN: list[Any] = []


def note(number: Any) -> Any:
    """A task that leaves a trace, and fails where its argument says so."""
    RAN.append(number)
    if isinstance(number, Exception):
        raise number
    return number


def unstorable(_number: int) -> Any:
    """A task whose result has no stored form."""
    return (number for number in ())


def returns_twice(number: int) -> int:
    """A task that returns in a forked process as well; that of the test is the one whose result counts."""
    child = os.fork()
    if child:
        assert os.waitpid(child, 0)[1] == 0
    else:
        RAN.append("forked")
    return number


class Own(Task):
    """A task that says itself how it runs."""

    def _execute(self) -> Any:
        return "its own"


@pytest.fixture
def store(jug_clean: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[file_store]:
    """A store in a new jugdir, in a process that has no files to be looked at."""
    monkeypatch.setattr(Task, "_execute", _PLAIN_EXECUTE)
    del RAN[:]
    store = file_store("jugdata")
    Task.store = store
    yield store
    store.close()


def runs_of(graph: _native.Graph, claims: _native.Claims | None) -> _native.TaskRuns:
    """Those of a worker."""
    hooks = (registered("execute.task-pre-execute"), registered("execute.task-executed1"))
    return _native.TaskRuns(graph, claims, Task, _PLAIN_EXECUTE, hooks)


class Running:
    """Tasks that are claimed, and what became of them."""

    def __init__(self, store: file_store, tasks: list[Task]) -> None:
        self.graph = _native.Graph(tasks)
        self.keys = self.graph.keys()
        self.store = store
        self.waiting = list(range(len(tasks)))[::-1]
        self.finished: list[int] = []
        self.runs = runs_of(self.graph, store.claims)
        store.claims.claim(self.keys)
        store.claims.refresh()

    def run(
        self, attempts: dict[bytes, int] | None = None, stop_files: list[str] | None = None
    ) -> _native.FailedRun | None:
        """Runs what is left, up to the first that is not plain."""
        return self.runs.run(
            self.waiting, self.finished, attempts=attempts or {}, stop_files=stop_files or []
        )


def test_tasks_run_from_the_end_and_their_results_are_stored(store: file_store) -> None:
    running = Running(store, [Task(note, number) for number in range(5)])
    before = time.time()
    assert running.run() is None
    assert RAN == running.finished == [0, 1, 2, 3, 4]
    assert running.waiting == []
    assert [store.native.load(key) for key in running.keys] == RAN
    facts = store.native.facts(running.keys[3])
    assert facts is not None
    assert facts["name"] == f"{__name__}.note"
    assert facts["attempt"] == 1
    assert before - 1 < facts["started"] < time.time() + 1
    assert 0 <= facts["duration"] < time.time() - before + 1
    assert running.runs.last == running.keys[4]


def test_it_stops_at_a_task_that_fails_and_goes_on_after_it(store: file_store) -> None:
    running = Running(store, [Task(note, number) for number in (1, ValueError("broken"), 3)])
    before = time.perf_counter()
    failed = running.run()
    assert failed is not None
    assert (failed.node, failed.returned, failed.value) == (1, False, None)
    error = failed.error
    assert isinstance(error, ValueError)
    assert error.args == ("broken",)
    assert before <= failed.began <= time.perf_counter()
    assert running.finished == [0]
    assert running.waiting == [2]
    assert error.__traceback__ is not None
    assert error.__traceback__.tb_next is None, "the only line is that of the function"
    assert error.__traceback__.tb_frame.f_code is note.__code__
    assert running.run() is None
    assert running.finished == [0, 2]
    assert store.native.contains_many(running.keys) == [True, False, True]


def test_what_cannot_be_stored_comes_back(store: file_store) -> None:
    running = Running(store, [Task(unstorable, 1)])
    failed = running.run()
    assert failed is not None
    assert failed.returned
    assert isinstance(failed.error, TypeError)
    assert type(failed.value).__name__ == "generator"
    assert not running.finished
    assert not running.waiting


def test_it_leaves_what_is_not_plain(store: file_store) -> None:
    large = bytearray(100_000)
    for other in (Own(note, 2), Task(note, large)):
        running = Running(store, [Task(note, 1), other])
        assert running.run() is None
        assert running.waiting == [1]
    without = runs_of(running.graph, None)
    assert without.run(waiting := [0], [], attempts={}, stop_files=[]) is None
    assert waiting == [0]


def test_it_leaves_what_was_given_back(store: file_store) -> None:
    running = Running(store, [Task(note, number) for number in range(2)])
    store.claims.release([running.keys[1]])
    assert running.run() is None
    assert (running.finished, running.waiting, RAN) == ([0], [1], [0])


def test_the_number_of_a_run_is_stored(store: file_store) -> None:
    running = Running(store, [Task(note, number) for number in range(2)])
    assert running.run(attempts={running.keys[1]: 2}) is None
    assert [(store.native.facts(key) or {})["attempt"] for key in running.keys] == [1, 3]


def test_no_task_starts_once_a_stop_file_is_there(store: file_store) -> None:
    stop = Path("stop")
    running = Running(store, [Task(make_file, str(stop), number) for number in range(3)])
    assert running.run(stop_files=["no such file", str(stop)]) is None
    assert (running.finished, running.waiting) == ([0], [2, 1])
    assert running.run(stop_files=[str(stop)]) is None
    assert running.finished == [0]
    stop.unlink()
    assert running.run(stop_files=["a\0b"]) is None
    assert running.finished == [0, 1, 2]


def make_file(name: str, _number: int) -> None:
    """A task that makes a file."""
    os.close(os.open(name, os.O_CREAT | os.O_WRONLY))


def test_a_signal_ends_the_run_of_functions_in_c(store: file_store) -> None:
    def end(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, end)
    try:
        alarm = Task(signal.setitimer, signal.ITIMER_REAL, 0.002)
        running = Running(store, [alarm, *(Task(sum, range(3_000_000 + number)) for number in range(100))])
        with pytest.raises(KeyboardInterrupt):
            running.run()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    done = len(running.finished)
    assert 1 <= done <= 100, "what ran when the signal came is stored"
    assert len(running.waiting) == 101 - done


def test_a_forked_process_stores_nothing(store: file_store) -> None:
    running = Running(store, [Task(returns_twice, 1), Task(note, 2)])
    pid, failed = os.getpid(), running.run()
    if os.getpid() != pid:
        is_right = (
            failed is not None and failed.error is None and RAN == ["forked"] and running.waiting == [1]
        )
        os._exit(0 if is_right else 1)
    assert failed is None
    assert running.finished == [0, 1]
    assert RAN == [2]


def test_results_that_can_be_shared_are_kept_for_tasks_that_need_them(store: file_store) -> None:
    tasks = [Task(note, 1), Task(note, [])]
    running = Running(store, tasks)
    assert running.run() is None
    assert [t.is_loaded() for t in tasks] == [True, False]
    running.graph.unload([0, 1], Task)
    assert [t.is_loaded() for t in tasks] == [False, False]


class Kept(Task):
    """A task that unloads in a way of its own."""

    def unload(self) -> None:
        RAN.append("unloaded")


def test_tasks_of_other_classes_unload_in_their_own_way(store: file_store) -> None:
    running = Running(store, [Kept(note, 1), Task(note, 2)])
    running.graph.unload([0, 1], Task)
    assert RAN == ["unloaded"]


@pytest.mark.parametrize("moment", ["execute.task-pre-execute", "execute.task-executed1"])
def test_what_a_task_registers_is_heeded_before_the_next(store: file_store, moment: str) -> None:
    running = Running(store, [Task(register_hook, moment, note), Task(note, 1)])
    assert running.run() is None
    assert (running.finished, running.waiting, RAN) == ([0], [1], [])


def test_what_a_task_puts_in_the_place_of_how_tasks_run_is_heeded_for_itself_and_the_next(
    store: file_store,
) -> None:
    running = Running(store, [Task(patch_execute), Task(note, 1)])
    failed = running.run()
    assert failed is not None
    assert (failed.node, failed.value, failed.error, failed.returned) == (0, "a result", None, True)
    assert (running.finished, running.waiting) == ([], [1])
    assert not store.native.contains(running.keys[0])


def patch_execute() -> str:
    """A task after which tasks run in another way."""
    Task._execute = lambda _self: "patched"  # type: ignore[method-assign]
    return "a result"
