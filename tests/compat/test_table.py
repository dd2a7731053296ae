"""The table of docs/compat.md is what the two packages offer, and the comparison leaves nothing of it out."""

from pathlib import Path

import pytest

from tests.compat.table import PAGE, Row, page_with, render, rows
from tests.compat.test_compat import CASES


@pytest.fixture(scope="module")
def table(reference: Path, ours: Path) -> list[Row]:
    """All lines."""
    return list(rows(reference, ours))


def test_the_table_is_up_to_date(table: list[Row]) -> None:
    """If not: `python -m tests.compat.table .ref-venv/bin/python`."""
    assert PAGE.read_text() == page_with(render(table))


def test_every_name_and_option_occurs_in_a_case(table: list[Row]) -> None:
    """What is there is also compared."""
    untried = [row.name for row in table if not row.cases and row.verdict.word != "absent"]
    assert untried == []
    assert len(CASES) >= 60
