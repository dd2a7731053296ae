"""A line now and then."""

from __future__ import annotations

import pytest

from jug.display import plain
from jug.display.eta import TimeLeft
from jug.display.plain import PlainDisplay
from jug.display.progress import Progress, TaskProgress


@pytest.fixture
def clock(monkeypatch):
    """The time, in seconds, as a list with one number."""
    now = [100.0]
    monkeypatch.setattr(plain.time, "monotonic", lambda: now[0])
    return now


def progress(done, left=None, note=""):
    return Progress([], TaskProgress("", done, 10, 1, left=TimeLeft(left)), note=note)


def test_a_line_comes_every_ten_seconds_if_anything_has_changed(clock):
    said = []
    display = PlainDisplay(said.append)
    for second in range(61):
        clock[0] = 100.0 + second
        display.refresh(lambda second=second: progress(min(second, 35), left=float(100 - second)))
    assert said == [
        "10 of 10 tasks done, 1 running, 90 s left",
        "20 of 10 tasks done, 1 running, 80 s left",
        "30 of 10 tasks done, 1 running, 70 s left",
        "35 of 10 tasks done, 1 running, 60 s left",
    ]


def test_nobody_looks_before_a_line_is_due(clock):
    display = PlainDisplay(lambda _line: None)
    assert display.due_in() == 10.0
    clock[0] += 9.5
    display.refresh(lambda: pytest.fail("it is not due"))
    assert display.due_in() == 0.5


def test_a_hint_comes_once_before_the_first_line(clock):
    said = []
    display = PlainDisplay(said.append, "a hint", at_once=True)
    display.refresh(lambda: progress(1))
    clock[0] += 10
    display.refresh(lambda: progress(2, note="a note"))
    assert said == ["a hint", "1 of 10 tasks done, 1 running", "2 of 10 tasks done, 1 running; a note"]


def test_where_no_task_is_known_the_note_is_the_line(clock):
    said = []
    display = PlainDisplay(said.append, at_once=True)
    display.refresh(lambda: Progress([], TaskProgress("", 0, 0), note="the workers load the jugfile"))
    assert said == ["the workers load the jugfile"]
