"""What a supervisor knows of its workers, as its display shows it."""

from __future__ import annotations

import pytest

from jug.display.eta import TimeLeft
from jug.supervisor import progress
from jug.supervisor.progress import ProgressOfWorkers


class Workers:
    """In place of a supervisor: what it says is set."""

    def __init__(self):
        #: Name, total, finished, executed, failed, seconds.
        self.all_counts = [("g", 10, 0, 0, 0, 0.0), ("f", 20, 6, 4, 1, 8.0)]
        self.runs = [(1, 11, (b"k", "f", 1, 3.0)), (2, 12, None)]
        self.more = False
        self.looks_at_memory = 0

    def counts(self):
        return list(self.all_counts)

    def running(self):
        return list(self.runs)

    def has_more(self):
        return self.more

    def resident(self):
        self.looks_at_memory += 1
        return [(1, 1000), (2, 2000)]


@pytest.fixture
def clock(monkeypatch):
    """The time, in seconds, as a list with one number."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def workers():
    return Workers()


def test_names_are_sorted_and_have_what_is_known_of_them(clock, workers):
    seen = ProgressOfWorkers(workers)
    clock[0] += 2.0
    f, g = seen.look().names
    # 13 are left, of 2 s each, for two workers; one of them has been running for 3 s.
    assert f == ("f", 6, 20, 1, 1, 2.0, TimeLeft(11.5))
    assert (g.name, g.done, g.total, g.running, g.left.seconds) == ("g", 0, 10, 0, None)
    total = seen.look().total
    assert (total.done, total.total, total.running, total.failed, total.rate) == (6, 30, 1, 1, 2.0)
    assert total.left == TimeLeft(11.5, at_least=True)


def test_more_tasks_behind_a_barrier_make_it_an_estimate_of_a_part(clock, workers):
    workers.more = True
    assert ProgressOfWorkers(workers).look().names[0].left == TimeLeft(11.5, at_least=True)


def test_workers_have_what_they_run_and_their_memory(clock, workers):
    assert ProgressOfWorkers(workers).look().workers == [("1", "f", 3.0, 1000), ("2", "", 0.0, 2000)]


def test_while_nothing_is_known_the_workers_load(clock, workers):
    workers.all_counts = []
    seen = ProgressOfWorkers(workers).look()
    assert (seen.names, seen.note) == ([], "the workers load the jugfile")


def test_names_that_only_an_earlier_load_had_are_not_shown(clock, workers):
    workers.all_counts.append(("h", 0, 0, 7, 0, 1.0))
    assert [it.name for it in ProgressOfWorkers(workers).look().names] == ["f", "g"]


def test_what_is_counted_twice_is_not_more_than_there_is(clock, workers):
    workers.all_counts = [("f", 20, 25, 4, 0, 8.0)]
    assert ProgressOfWorkers(workers).look().names[0].done == 20


def test_counts_that_are_read_while_they_are_written_do_no_harm(clock, workers):
    workers.all_counts = [("f", 20, 1, 0, 0, 8.0)]
    assert ProgressOfWorkers(workers).look().names[0].left.seconds is None


def test_a_long_name_of_which_a_worker_says_the_beginning_is_whole(clock, workers):
    workers.all_counts = [("f" * 200, 20, 0, 0, 0, 0.0)]
    workers.runs = [(1, 11, (b"k", "f" * 104, 1, 3.0))]
    seen = ProgressOfWorkers(workers).look()
    assert seen.names[0].running == 1


def test_for_a_second_it_is_the_same_if_only_time_has_passed(clock, workers):
    seen = ProgressOfWorkers(workers)
    first = seen.look()
    clock[0] += 0.9
    workers.runs[0] = (1, 11, (b"k", "f", 1, 3.9))
    assert seen.look() is first
    workers.runs[0] = (1, 11, (b"l", "f", 1, 0.1))
    second = seen.look()
    assert second is not first
    clock[0] += 1.0
    assert seen.look() is not second


def test_memory_is_looked_at_once_a_second(clock, workers):
    seen = ProgressOfWorkers(workers)
    for step in range(100):
        clock[0] = 100.0 + step / 8
        workers.all_counts = [("f", 1000, step, step, 0, 1.0)]
        seen.look()
    assert workers.looks_at_memory == 13


def test_where_a_look_at_memory_takes_long_it_comes_seldom(clock, workers, monkeypatch):
    """There may be thousands of processes."""

    def slow():
        workers.looks_at_memory += 1
        clock[0] += 0.05
        return []

    monkeypatch.setattr(workers, "resident", slow)
    seen = ProgressOfWorkers(workers)
    for _ in range(10):
        clock[0] += 1.0
        seen.look()
    assert workers.looks_at_memory == 2
