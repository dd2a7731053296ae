"""What is said of many failures: some of them one by one, the others by number."""

from __future__ import annotations

import re

from jug.engine.failures.summary import FailureSummary


def said(capsys, reports):
    """What is said in the end of so many failures of a task."""
    summary = FailureSummary()
    for report in reports:
        summary.add("m.f", report, lambda: 0, with_traceback=False)
    capsys.readouterr()
    summary.end()
    return capsys.readouterr().err


def test_the_rest_is_counted_by_the_type_of_the_error(capsys):
    reports = 8 * [{"kind": "exception", "type": "builtins.ValueError", "message": "why", "traceback": ""}]
    assert said(capsys, reports) == "jug: 3 more of m.f failed like that: ValueError\n"


def test_what_has_no_type_is_counted_by_what_it_says(capsys):
    death = {"kind": "timeout", "type": "", "traceback": "", "message": "task m.f ran longer than 1 s"}
    assert said(capsys, 8 * [death]) == "jug: 3 more of m.f failed like that: ran longer than 1 s\n"
    unknown = {"kind": "lost", "type": "", "traceback": "", "message": ""}
    assert re.fullmatch("jug: 1 more of m.f failed like that: .+\n", said(capsys, 6 * [unknown]))
