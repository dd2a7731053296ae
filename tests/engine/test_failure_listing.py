"""The failures of a jugfile's tasks, as commands list them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jug import Task
from jug.engine.failures.listing import Failures, TaskFailure
from jug.engine.task_graph import graph_of
from jug.task import alltasks


def test_later_is_what_began_later_and_then_what_had_run_more_often() -> None:
    """Also among tasks that ended their process; what has no time is older than all that has one."""

    def failure(**report: Any) -> TaskFailure:
        return TaskFailure(bytes(32), "jugfile.work", {"kind": "lost", **report})

    mark = failure(kept=True)
    unknown = failure(started=0.0, attempt=1)
    first, again = failure(started=1e9, attempt=1), failure(started=1e9, attempt=2)
    last = failure(started=1e9 + 1, attempt=1)
    assert sorted([again, last, first, unknown, mark], key=TaskFailure.when) == [
        mark,
        unknown,
        first,
        again,
        last,
    ]


class Counted:
    """A session that counts how often all its failures are read."""

    def __init__(self, reports: dict[bytes, Any], marks: list[bytes]) -> None:
        self._reports, self._marks = reports, marks
        self.calls: list[str] = []

    def refresh(self) -> None:
        pass

    def failures(self) -> dict[bytes, Any]:
        self.calls.append("failures")
        return self._reports

    def kept_failures(self) -> list[bytes]:
        self.calls.append("kept_failures")
        return self._marks

    def clear_failures(self, keys: Sequence[bytes]) -> int:
        raise NotImplementedError


def test_reports_are_read_once(jug_clean: Path) -> None:
    """A mark is read where a store has no reports, and else with them."""
    first, second = Task(abs, 1), Task(abs, 2)
    graph = graph_of(alltasks)
    reports = {first.key(): {"kept": True}, second.key(): {"kept": False}}
    session = Counted(reports, [first.key()])
    assert [failure.key for failure in Failures(graph, session).all()] == [first.key(), second.key()]
    assert session.calls == ["failures"]
    marks_only = Counted({}, [second.key()])
    assert [failure.report for failure in Failures(graph, marks_only).all()] == [
        {"message": "marked as failed", "arguments": "2", "kept": True}
    ]
