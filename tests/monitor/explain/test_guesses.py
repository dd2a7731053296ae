"""For which other arguments keys are tried, where a result is stored that no task asks for."""

from __future__ import annotations

import pathlib

import pytest

from jug import Task
from jug.monitor.explain.guesses import guesses


def f(x=0, y=1, *, z=2):
    return x


def named(name, *args, **kwargs):
    """A task under another name."""
    task = Task(f, *args, **kwargs)
    task.name = name
    return task


@pytest.mark.parametrize(
    ("now", "before", "words"),
    [
        (Task(f, 1, 2), named("jugfile.g", 1, 2), "the same arguments under the name jugfile.g"),
        (Task(f, 5, 2), Task(f, 5), "without argument 2"),
        (Task(f, 5, w=2), Task(f, 5), "without argument w="),
        (Task(f, 5), Task(f, 5, 1), "argument 2: nothing, there 1"),
        (Task(f, 5), Task(f, 5, y=1), "argument y=: nothing, there 1"),
        (Task(f, 5), Task(f, 5, z=2), "argument z=: nothing, there 2"),
        (Task(f, 5, 7), Task(f, 5, y=7), "argument 2 as y="),
        (Task(f, 5, y=7), Task(f, 5, 7), "argument y= without its name"),
        (Task(f, 5.0), Task(f, 5), "argument 1: 5.0 (float), there 5 (int)"),
        (Task(f, 1), Task(f, True), "argument 1: 1 (int), there True (bool)"),
        (Task(f, "7"), Task(f, 7), "argument 1: '7' (str), there 7 (int)"),
        (Task(f, pathlib.Path("a")), Task(f, "a"), "argument 1: PosixPath('a'), there 'a' (str)"),
        (Task(f, 1, [2]), Task(f, 1, (2,)), "argument 2: [2] (list), there (2,) (tuple)"),
        (Task(f, z=[1]), Task(f, z=(1,)), "argument z=: [1] (list), there (1,) (tuple)"),
        (Task(f, Task(f, 3), "a"), Task(f, Task(f, 3), b"a"), "argument 2: 'a' (str), there b'a' (bytes)"),
    ],
)
def test_these_are_tried(now, before, words):
    assert dict(guesses(now, ["jugfile.g"]))[before.key()] == words


def test_nothing_is_made_that_runs():
    from jug.task import alltasks

    task = Task(f, [1], z=3)
    number = len(alltasks)
    assert len(dict(guesses(task, ["a", "b"]))) > 4
    assert len(alltasks) == number


def test_what_cannot_be_called_or_converted_is_left_out():
    assert dict(guesses(Task(max, "x", 2.5), []))
    assert dict(guesses(Task(f, float("nan"), float("inf")), [])) is not None
