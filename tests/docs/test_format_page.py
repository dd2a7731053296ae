"""docs/format.md beside the stored bytes."""

import re
from collections.abc import Iterator

import pytest

from tests.support.paths import ROOT

#: A row with numbers; that zeros follow a struct is not in it.
ROW = r"^\| (\d+) \| (\d+) \| (?!zeros \|)"

#: Bytes of the types that structs on disk are made of.
SIZES = {"u8": 1, "U16": 2, "U32": 4, "I32": 4, "U64": 8, "I64": 8, "Entry": 192, "Marks": 936}

#: What the first row of a table on the page says, and the struct that has the table's fields.
STRUCTS = {
    "`jugwork` and a line feed": ("jugdir/identity.rs", "OnDisk"),
    "`jugslot` and a line feed": ("status_slot.rs", "Head"),
    "its number": ("status_slot.rs", "Entry"),
    "`jnew`": ("jugdir/news/slot.rs", "OnDisk"),
    "`JUGsegm\\n`": ("store/log/segment.rs", "OnDisk"),
    "`JUGr`": ("store/log/record.rs", "OnDisk"),
    "`JUGpack\\n`": ("store/pack/mod.rs", "OnDisk"),
    "`JUGindx\\n`": ("store/pack/format.rs", "HeadOnDisk"),
    "number of results": ("store/log/batch.rs", "Summary"),
    "form of the value (": ("store/log/batch.rs", "ItemOnDisk"),
    "number *m* of small": ("store/pack/format.rs", "MoreOnDisk"),
    "key": ("store/pack/format.rs", "EntryOnDisk"),
    "the first six bytes of the key": ("store/pack/small.rs", "SmallOnDisk"),
}


def fields_of(file: str, struct: str) -> Iterator[tuple[int, int]]:
    """Offset and length of each field of a struct on disk, but for those that are padding (`_...`)."""
    body = re.search(
        rf"#\[repr\(C\)\]\n(?:pub )?struct {struct} {{\n(.*?)\n}}",
        (ROOT / "src" / file).read_text(),
        re.DOTALL,
    )
    assert body, f"{file} has no such struct"
    offset = 0
    for name, count, kind in re.findall(r"^    (\w+): (?:\[u8; ([\w:]+)\]|(\w+)),$", body[1], re.MULTILINE):
        length = SIZES[kind] if kind else 32 if count == "Key::LEN" else int(count)
        if not name.startswith("_"):
            yield offset, length
        offset += length


@pytest.mark.parametrize("first", STRUCTS)
def test_the_fields_of_a_struct_on_disk_are_the_rows_of_its_table(first):
    page = (ROOT / "docs" / "format.md").read_text()
    table = re.search(rf"^\| 0 \| \d+ \| {re.escape(first)}.*\|\n(?:\|.*\n)*", page, re.MULTILINE)
    rows = [(int(at), int(length)) for at, length in re.findall(ROW, table[0], re.MULTILINE)]
    assert rows == list(fields_of(*STRUCTS[first]))


def test_the_record_that_the_page_shows_is_the_one_in_the_golden_segment():
    page = (ROOT / "docs" / "format.md").read_text()
    rows = re.findall(r"^ +(\d+)  ((?:[0-9a-f]{2} )*[0-9a-f]{2})(?: |$)", page, re.MULTILINE)
    shown = b""
    for offset, dump in rows:
        assert int(offset) == len(shown), f"the row {dump!r} begins elsewhere"
        shown += bytes.fromhex(dump)
    assert len(shown) == 96
    assert shown in (ROOT / "tests" / "golden" / "segment_v1.seg").read_bytes()
