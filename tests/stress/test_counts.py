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
    ratios = {name: now / recorded[name] for name, now in measured.items()}
    risen = {name: ratio for name, ratio in ratios.items() if ratio > TOLERANCE}
    assert not risen, "if that is meant, `python -m benches.counts` writes them down"
