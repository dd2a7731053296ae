"""How calls are given to a pool."""

from __future__ import annotations

import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from jug.executors.backends import Backend
from jug.executors.coordinator import Coordinator
from jug.executors.durations import Durations
from jug.executors.flights import Limits
from jug.executors.pools import ExecutorPool
from jug.task import Task


@pytest.fixture
def made(jug_clean):
    """Makes coordinators over threads, and closes them."""
    opened = []

    def make(n_workers):
        def open_pool(n):
            return ExecutorPool(ThreadPoolExecutor(n), n, is_live=True)

        opened.append(Coordinator(Backend("threads", open_pool), n_workers))
        opened[-1].open()
        return opened[-1]

    yield make
    for coordinator in opened:
        coordinator.close()


def everything(coordinator):
    ended = []
    while coordinator.in_flight():
        ended += coordinator.wait(5)
    return {it.token: it.outcome.value for it in ended}


def test_no_more_than_two_chunks_a_worker_are_in_flight(made):
    coordinator = made(2)
    go = threading.Event()
    assert coordinator.room() == 4
    coordinator.submit([(i, Task(go.wait), Limits()) for i in range(4)])
    assert coordinator.room() == 0
    assert coordinator.in_flight() == 4
    go.set()
    assert everything(coordinator) == dict.fromkeys(range(4), True)
    assert coordinator.room() > 4


def test_an_interrupt_that_another_thread_gets_ends_the_waiting(made):
    coordinator = made(1)
    go, over = threading.Event(), threading.Event()

    def work():
        time.sleep(0.2)
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)
        go.wait(30)
        over.set()

    coordinator.submit([(0, Task(work), Limits())])
    try:
        with pytest.raises(KeyboardInterrupt):
            coordinator.wait(3600)
        assert not over.is_set()
    finally:
        go.set()


def test_what_was_given_and_does_not_run_comes_back_when_it_stops(made):
    coordinator = made(1)
    go, runs = threading.Event(), threading.Event()

    def work(i):
        runs.set()
        return go.wait()

    coordinator.submit([(i, Task(work, i), Limits()) for i in range(5)])
    assert runs.wait(30)
    left = coordinator.stop()
    go.set()
    assert sorted([*left, *everything(coordinator)]) == [0, 1, 2, 3, 4]
    assert 1 <= len(left) <= 4
    assert coordinator.room() == 0


def test_a_call_that_may_end_its_worker_runs_when_nothing_else_does(made):
    coordinator = made(2)
    running, most = set(), []

    def work(i):
        running.add(i)
        most.append((i, len(running)))
        threading.Event().wait(0.05)
        running.discard(i)
        return i

    coordinator.submit([(i, Task(work, i), Limits()) for i in range(4)])
    coordinator.submit([(i, Task(work, i), Limits()) for i in (10, 11)], alone=True)
    assert coordinator.room() == 0
    assert set(everything(coordinator)) == {0, 1, 2, 3, 10, 11}
    assert [count for i, count in most if i >= 10] == [1, 1]


def test_chunks_are_as_long_as_calls_took():
    durations = Durations()
    assert (durations.mean("f"), durations.per_chunk(0.2, 100, 1000)) == (None, 1)
    durations.learn("f", 0.5, 10)
    assert (durations.mean("f"), durations.per_chunk(0.2, 100, 1000)) == (0.05, 4)
    durations.learn("f", 0.5, 10, 5000)
    assert durations.per_chunk(0.2, 100, 1000) == 2
    for _ in range(20):
        durations.learn("f", 0.0, 10)
    assert durations.per_chunk(0.2, 100, 1000) == 100


@pytest.fixture
def chunks(made, monkeypatch):
    """A coordinator over threads, and the numbers of calls of the chunks that it gives to them."""
    coordinator = made(2)
    numbers = []
    submit = ExecutorPool.submit

    def noted(pool, chunk, inputs):
        numbers.append(len(chunk))
        return submit(pool, chunk, inputs)

    monkeypatch.setattr(ExecutorPool, "submit", noted)
    return coordinator, numbers


def test_short_calls_go_together_and_those_of_which_nothing_is_known_do_not(chunks):
    coordinator, numbers = chunks
    coordinator.submit([(i, Task(abs, -i), Limits()) for i in range(500)])
    assert everything(coordinator) == {i: i for i in range(500)}
    assert numbers[:4] == [1, 1, 1, 1]
    assert sum(numbers) == 500
    assert len(numbers) < 60
