"""How long finished tasks took."""

from __future__ import annotations

from jug.engine.task_state import TaskState
from jug.monitor.durations import Durations


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
