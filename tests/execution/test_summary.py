"""What ``jug.execute`` returns."""

from __future__ import annotations

from typing import Any

import pytest

from jug.errors import TasksFailed
from jug.execution import ExecutionSummary
from tests.internal.test_html import Texts

NONE: Any = {
    "status": 0,
    "signal": 0,
    "executed": {},
    "loaded": {},
    "failed": {},
    "unfinished": {},
    "blocked": (0, 0, 0),
    "reports": {},
}


def test_without_failures_nothing_is_raised() -> None:
    summary = ExecutionSummary({**NONE, "executed": {"a": 2}, "loaded": {"b": 1}})
    summary.raise_for_failures()
    assert summary.is_complete
    assert (summary.executed["a"], summary.executed["b"], summary.loaded["b"]) == (2, 0, 1)
    assert repr(summary) == "ExecutionSummary(executed=2, loaded=1, failed=0)"


def test_what_could_not_run_is_counted_and_shown() -> None:
    summary = ExecutionSummary({**NONE, "unfinished": {"a": 3}})
    summary.raise_for_failures()
    assert not summary.is_complete
    assert repr(summary) == "ExecutionSummary(executed=0, loaded=0, failed=0, unfinished=3)"


def test_failures_are_raised_with_the_first_traceback() -> None:
    reports = {
        bytes([number]) * 32: {
            "name": "f",
            "arguments": str(number),
            "type": "builtins.ValueError",
            "message": f"no {number}",
            "traceback": f"Traceback of {number}\n",
        }
        for number in (1, 2)
    }
    summary = ExecutionSummary({**NONE, "failed": {"f": 2}, "reports": reports, "blocked": (2, 1, 4)})
    with pytest.raises(TasksFailed) as raised:
        summary.raise_for_failures()
    assert str(raised.value) == (
        "2 tasks failed, 1 task marked as failed before (see `jug retry`), 4 tasks cannot run without "
        "one of those\ntask f(1) failed: ValueError: no 1\nTraceback of 1"
    )
    assert [failure.report["message"] for failure in raised.value.failures] == ["no 1", "no 2"]


def test_a_notebook_shows_a_table_and_the_first_failures() -> None:
    reports = {
        bytes([number]) * 32: {"name": "f", "arguments": "<1>", "message": "no", "traceback": "Trace <b>\n"}
        for number in range(1, 13)
    }
    result = {
        **NONE,
        "executed": {"f": 2, "g": 1},
        "loaded": {"g": 3},
        "failed": {"f": 12},
        "reports": reports,
    }
    texts = Texts(ExecutionSummary(result)._repr_html_()).texts
    assert texts[:4] == ["Task name", "Executed", "Loaded", "Failed"]
    assert texts[4:16] == ["f", "2", "0", "12", "g", "1", "3", "0", "Total", "3", "3", "12"]
    assert texts[16:18] == ["task f(<1>) failed: no", "Trace <b>"]
    assert texts[-1] == "and 2 more"
    assert len(texts) == 16 + 2 * 10 + 1
