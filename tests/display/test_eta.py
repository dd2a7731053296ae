"""The estimate of the time that is left."""

from __future__ import annotations

import pytest

from jug.display.eta import TimeLeft, time_left


class Known:
    """How long a task of each name takes."""

    def __init__(self, **by_name):
        self._by_name = by_name

    def mean(self, name):
        return self._by_name.get(name)


def test_the_time_left_is_that_of_what_is_left_shared_by_those_who_work():
    known = Known(f=2.0, g=10.0)
    assert time_left({"f": 5, "g": 1}, known, 2) == TimeLeft(10.0)
    assert time_left({"f": 5, "g": 1}, known, 2, {"g": 4.0}) == TimeLeft(8.0)
    # A task that took longer than usual counts for nothing, not for less.
    assert time_left({"f": 1, "g": 1}, known, 1, {"g": 400.0}) == TimeLeft(2.0)


def test_more_workers_than_tasks_are_of_no_use():
    assert time_left({"f": 2}, Known(f=3.0), 50) == TimeLeft(3.0)


def test_what_cannot_be_counted_makes_it_more_than_that():
    known = Known(f=2.0)
    assert time_left({"f": 3, "unknown": 1}, known, 1) == TimeLeft(6.0, at_least=True)
    assert time_left({"f": 3}, known, 1, more_to_come=True) == TimeLeft(6.0, at_least=True)


@pytest.mark.parametrize(
    ("workers", "why"), [(0, "no worker runs"), (None, "does not tell"), (1, "has finished yet")]
)
def test_what_is_not_known_is_not_guessed(workers, why):
    estimate = time_left({"f": 1}, Known(), workers)
    assert estimate.seconds is None
    assert why in estimate.why


def test_nothing_is_left_when_nothing_is_left():
    assert time_left({"f": 0}, Known(), 0) == TimeLeft(0.0)
