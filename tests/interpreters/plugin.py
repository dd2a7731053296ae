"""For pytest: a file of tests whose package is not installed is skipped, and says which one that is."""

from __future__ import annotations

from collections.abc import Generator

import pytest

__all__ = ["pytest_make_collect_report"]

#: What is ours is never missing.
_OURS = ("jug", "tests", "benches", "docs")


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Turns the error of an import into a skip."""
    report = yield
    text = str(report.longrepr)
    marker = "ModuleNotFoundError: No module named '"
    if report.outcome == "failed" and marker in text:
        name = text.rpartition(marker)[2].partition("'")[0]
        if name.partition(".")[0] not in _OURS:
            report.outcome = "skipped"
            report.longrepr = (str(collector.path), 0, f"Skipped: {name} is not installed")
    return report
