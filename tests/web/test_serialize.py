"""What the page is given of a computation, as JSON."""

from __future__ import annotations

import pytest

from jug.web.serialize import MOST_FAILURES, recent_failures, status_rows, store_label


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


def test_failures_are_counted_by_kind(jug_clean):
    """All of them, also those that are not shown, the most frequent kind first."""
    from jug import Task

    t = Task(int, 1)
    kinds = ["signal", *["exception"] * MOST_FAILURES, "signal", None, "unstorable"]
    shown = recent_failures((t, {"started": 1.0} | ({"kind": kind} if kind else {})) for kind in kinds)
    assert list(shown.kinds.items()) == [
        ("exception", MOST_FAILURES),
        ("signal", 2),
        ("unknown", 1),
        ("unstorable", 1),
    ]


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
