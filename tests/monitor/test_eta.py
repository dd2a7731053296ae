"""The estimate of the time that is left."""

from __future__ import annotations

import pytest

from jug.engine.task_state import TaskState
from jug.monitor.eta import Durations, TimeLeft, time_left


def durations_of(**by_name):
    """What is known when a task of each name took so many seconds."""
    known = Durations()
    names = list(by_name)
    states = (TaskState.COMPLETE * len(names)).encode()
    keys = [name.encode() for name in names]
    known.learn(states, names, keys, lambda keys: [by_name[key.decode()] for key in keys])
    return known


def test_the_time_left_is_that_of_what_is_left_shared_by_those_who_work():
    known = durations_of(f=2.0, g=10.0)
    assert time_left({"f": 5, "g": 1}, known, 2) == TimeLeft(10.0)
    assert time_left({"f": 5, "g": 1}, known, 2, {"g": 4.0}) == TimeLeft(8.0)
    # A task that took longer than usual counts for nothing, not for less.
    assert time_left({"f": 1, "g": 1}, known, 1, {"g": 400.0}) == TimeLeft(2.0)


def test_more_workers_than_tasks_are_of_no_use():
    assert time_left({"f": 2}, durations_of(f=3.0), 50) == TimeLeft(3.0)


def test_what_cannot_be_counted_makes_it_more_than_that():
    known = durations_of(f=2.0)
    assert time_left({"f": 3, "unknown": 1}, known, 1) == TimeLeft(6.0, at_least=True)
    assert time_left({"f": 3}, known, 1, more_to_come=True) == TimeLeft(6.0, at_least=True)


@pytest.mark.parametrize(
    ("workers", "why"), [(0, "no worker runs"), (None, "does not tell"), (1, "has finished yet")]
)
def test_what_is_not_known_is_not_guessed(workers, why):
    estimate = time_left({"f": 1}, Durations(), workers)
    assert estimate.seconds is None
    assert why in estimate.why


def test_nothing_is_left_when_nothing_is_left():
    assert time_left({"f": 0}, Durations(), 0) == TimeLeft(0.0)


def test_durations_are_asked_for_once_and_not_for_all():
    known, asked = Durations(), []

    def ask(keys):
        asked.append(len(keys))
        return [1.0] * len(keys)

    names, keys = ["f"] * 100_000, [b""] * 100_000
    states = TaskState.COMPLETE.encode() * 99_999
    known.learn(states + TaskState.READY.encode(), names, keys, ask)
    known.learn(states + TaskState.READY.encode(), names, keys, ask)
    known.learn(states + TaskState.COMPLETE.encode(), names, keys, ask)
    assert asked == [100, 1]
    assert known.mean("f") == 1.0
    assert known.mean("g") is None


def test_the_mean_follows_the_latest_runs():
    known = Durations()
    for seconds in (1.0, 5.0):
        known.forget_nodes()
        known.learn(
            TaskState.COMPLETE.encode() * 100,
            ["f"] * 100,
            [b""] * 100,
            lambda keys, s=seconds: [s] * len(keys),
        )
    assert known.mean("f") == 5.0
