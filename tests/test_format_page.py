"""docs/format.md beside the stored bytes."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_the_record_that_the_page_shows_is_the_one_in_the_golden_segment():
    page = (ROOT / "docs" / "format.md").read_text()
    rows = re.findall(r"^ +(\d+)  ((?:[0-9a-f]{2} )*[0-9a-f]{2})(?: |$)", page, re.MULTILINE)
    shown = b""
    for offset, dump in rows:
        assert int(offset) == len(shown), f"the row {dump!r} begins elsewhere"
        shown += bytes.fromhex(dump)
    assert len(shown) == 96
    assert shown in (ROOT / "tests" / "golden" / "segment_v1.seg").read_bytes()
