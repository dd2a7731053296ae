"""The failures of a jugfile's tasks, as commands list them."""

from typing import Any

from jug.engine.failures.listing import TaskFailure


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
