"""A computation in a sentence."""

from __future__ import annotations

from jug.display.eta import TimeLeft
from jug.display.progress import TaskProgress, left_text, sentence


def test_all_that_is_known_is_in_the_sentence():
    total = TaskProgress("", 120, 1000, 2, 3, 40.0, TimeLeft(21.5))
    said = ", ".join(sentence(total).values())
    assert said == "120 of 1000 tasks done, 2 running, 3 failed, 40 tasks/s, 22 s left"


def test_what_is_not_known_is_left_out():
    assert ", ".join(sentence(TaskProgress("", 0, 10)).values()) == "0 of 10 tasks done, 0 running"


def test_slow_tasks_are_counted_by_the_minute_or_the_hour():
    def rate(per_second):
        return sentence(TaskProgress("", 1, 10, 1, 0, per_second))["rate"]

    assert rate(2.5) == "2.5 tasks/s"
    assert rate(0.5) == "30 tasks/min"
    assert rate(0.001) == "3.6 tasks/h"
    assert "rate" not in sentence(TaskProgress("", 1, 10, 1, 0, 0.0))


def test_an_estimate_of_a_part_says_so():
    assert left_text(TimeLeft(100.0, at_least=True)) == "more than 100 s"
    assert left_text(TimeLeft(4000.0)) == "67 min"
    assert left_text(TimeLeft(0.2)) == "1 s"
    assert left_text(TimeLeft(None, why="no worker runs")) == left_text(TimeLeft(0.0)) == ""
