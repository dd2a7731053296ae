"""What commands cost, in counts that do not depend on the machine."""

import pytest

from benches import counts
from jug import _native
from tests.support.missing import missing

#: How much more of anything is noticed.
TOLERANCE = 1.1


def test_no_count_rises_by_more_than_a_tenth() -> None:
    """Beside benches/counts.json, which ``python -m benches.counts`` writes anew."""
    if not _native.IS_OPTIMIZED:
        pytest.skip("built without optimization; `pip install --editable .` builds with it")
    recorded = counts.recorded()
    if not recorded:
        pytest.skip(f"the counts of Python {counts.python()} were not written down")
    if counts.tools():
        missing(f"{' and '.join(counts.tools())} not installed")
    measured = counts.measure()
    assert measured.keys() == recorded.keys()
    if risen(measured, recorded):
        # Where the machine is busy, a worker sleeps and looks more often: that only adds to what it needs.
        again = counts.measure()
        measured = {name: min(now, again[name]) for name, now in measured.items()}
    assert not risen(measured, recorded), "if that is meant, `python -m benches.counts` writes them down"


def risen(measured: dict[str, int], recorded: dict[str, int]) -> dict[str, float]:
    """What takes more than it did, and how many times as much."""
    ratios = {name: now / recorded[name] for name, now in measured.items()}
    return {name: ratio for name, ratio in ratios.items() if ratio > TOLERANCE}
