"""The parts of the status page that need no server: the estimate, the feed, what is seen of workers."""

from __future__ import annotations

import json
import threading

import pytest

from jug.engine.session.workers import HeldClaim, WorkerStatus
from jug.engine.task_state import TaskState
from jug.monitor.eta import Durations, TimeLeft, time_left
from jug.monitor.observations import ClaimObservations
from jug.web.feed import StateFeed
from jug.web.serialize import MOST_FAILURES, recent_failures, status_rows, store_label


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
    ("workers", "why"), [(0, "nobody works on it"), (None, "does not tell"), (1, "has finished yet")]
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


def test_readers_of_the_board_wait_for_news_and_get_them_once():
    board = StateFeed()
    board.publish({"n": 1}, [])
    first = json.loads(board.state())
    assert board.state(after=first["version"]) is None
    threading.Timer(0.05, board.publish, [{"n": 2}]).start()
    second = json.loads(board.state(after=first["version"], patience=60))
    assert (first["state"], second["state"]) == ({"n": 1}, {"n": 2})
    # A version of another server is news, whatever its number.
    assert board.state(after="0-2") is not None


def test_pages_of_failures_end():
    board = StateFeed()
    assert json.loads(board.failures(7)) == {"page": 0, "pages": 1, "kept": 0, "items": []}
    board.publish({}, [{"n": n} for n in range(2 * StateFeed.PAGE)])
    page = json.loads(board.failures(7))
    assert (page["page"], page["pages"], page["items"][-1]) == (1, 2, {"n": 2 * StateFeed.PAGE - 1})
    board.publish({})
    assert json.loads(board.failures(0))["kept"] == 2 * StateFeed.PAGE


def worker(*claims, alive=True):
    return WorkerStatus("id", alive, "host", 7, 1.0, claims)


def test_a_claim_is_as_old_as_its_first_sight_at_least():
    seen = ClaimObservations()
    (before,) = seen.of([worker(HeldClaim(b"a"))], 10.0).values()
    both = seen.of([worker(HeldClaim(b"a"), HeldClaim(b"b"))], 20.0)
    assert (before.since, before.exact) == (10.0, False)
    assert both[b"a"] == before
    assert (both[b"b"].since, both[b"b"].exact) == (20.0, True)
    # It was given back and claimed again, by whomever.
    seen.of([worker()], 30.0)
    assert seen.of([worker(HeldClaim(b"a"))], 40.0)[b"a"].since == 40.0


def test_a_store_that_knows_since_when_a_task_runs_is_believed():
    (sighting,) = ClaimObservations().of([worker(HeldClaim(b"a", 3.0))], 10.0).values()
    assert (sighting.since, sighting.exact) == (3.0, True)


def test_the_table_has_the_columns_of_jug_status_and_an_end():
    counts = {f"name{n:04}": {"C": 1, "F": 2} for n in range(1200)}
    shown = status_rows(counts)
    assert shown["names"][0] == ["name0000", 2, 0, 0, 1, 0]
    assert (len(shown["names"]), shown["other_names"]) == (1000, 200)
    assert shown["total"] == [2400, 0, 0, 1200, 0]


def test_of_many_failures_the_latest_are_kept(jug_clean):
    from jug import Task

    t = Task(int, 1)
    shown = recent_failures((t, {"started": float(n), "duration": 0.5}) for n in range(MOST_FAILURES + 5))
    assert shown.total == MOST_FAILURES + 5
    assert [item["at"] for item in shown.items] == [n + 0.5 for n in range(MOST_FAILURES + 4, 4, -1)]


@pytest.mark.parametrize(
    ("jugdir", "shown"),
    [
        ("redis://:secret@host:6379/2", "redis://host:6379/2"),
        ("redis://user:p@ss@host", "redis://host"),
        ("redis://host", "redis://host"),
        ("dict_store:file", "dict_store:file"),
        (object(), "object"),
    ],
)
def test_no_password_is_shown(jugdir, shown):
    assert store_label(jugdir, jugdir) == shown
