"""What a process sends to another one that shows it."""

from __future__ import annotations

import pytest

from jug.display import pace
from jug.display.progress import Progress, TaskProgress
from jug.display.sent import SentDisplay


@pytest.fixture
def clock(monkeypatch):
    """The time, in seconds, as a list with one number."""
    now = [100.0]
    monkeypatch.setattr(pace.time, "monotonic", lambda: now[0])
    return now


def progress(done):
    return Progress([], TaskProgress("", done, 1000, 1))


def test_what_has_changed_is_sent_eight_times_a_second_at_most(clock):
    sent = []
    display = SentDisplay(sent.append)
    for step in range(1000):
        clock[0] = 100.0 + step / 100
        display.refresh(lambda step=step: progress(step // 2))
    assert 70 <= len(sent) <= 80
    before = len(sent)
    for _ in range(10):
        clock[0] += 1.0
        display.refresh(lambda: sent[-1])
    assert len(sent) == before


def test_what_is_seen_at_the_end_is_sent_at_once(clock):
    sent = []
    display = SentDisplay(sent.append)
    display.refresh(lambda: progress(1))
    display.close(lambda: progress(2))
    assert [it.total.done for it in sent] == [1, 2]
    display.close()
    assert len(sent) == 2
