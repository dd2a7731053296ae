"""Bytes that nobody stored, drawn at random: they are read or refused, whatever lengths they claim."""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jug import _native
from jug.backends.encode import encode
from jug.legacy.jugdir import OldJugdir
from jug.legacy.values import Unreadable
from tests.support.checksum import crc32c
from tests.support.old_jugdir import key, place, write, write_pack

EXAMPLES = settings(max_examples=150, deadline=None)

#: Lengths that files may claim and none has.
LENGTHS = st.one_of(st.integers(0, 40), st.sampled_from([2**31, 2**32, 2**62, 2**63 - 1, 2**63, 2**64 - 1]))


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


# --- arrays in a segment ---------------------------------------------------------------------------

SIZE = 448
DTYPES = [
    "'<f8'",
    "'|u1'",
    "'|O'",
    "'|V0'",
    "'<U9'",
    "'<M8[ns]'",
    "'1000000000f8'",
    "('<f8', (1000000000,))",
    "[('a', '<i4'), ('b', '|u1', (2,))]",
    "[('a', '|O')]",
    "'<f8",
    "__import__('os')",
    "(" * 200,
    "[" * 200 + "]" * 200,
    "-" * 200 + "1",
]
TEXTS = st.one_of(st.sampled_from(DTYPES), st.text(max_size=60))


@pytest.fixture(scope="module")
def segment(folder: Path) -> tuple[Path, int]:
    """A jugdir with one array, and where its stored form of SIZE bytes begins in the segment."""
    jugdir = folder / "jugdata"
    store = _native.Store(str(jugdir))
    array = np.random.default_rng(1).integers(0, 255, SIZE - 64, dtype=np.uint8)
    store.save(bytes(32), array)
    store.close()
    [path] = (jugdir / "segments").iterdir()
    return path, path.read_bytes().index(array.tobytes()) - 64


@EXAMPLES
@given(
    order=st.sampled_from(b"CFX"),
    shape=st.lists(LENGTHS, max_size=4),
    text=TEXTS,
    claimed=st.one_of(st.none(), LENGTHS),
    filling=st.binary(min_size=1, max_size=8),
)
def test_a_stored_array_that_lies_is_refused(
    segment: tuple[Path, int],
    order: int,
    shape: list[int],
    text: str,
    claimed: int | None,
    filling: bytes,
) -> None:
    """With a checksum that is right: no crash, nothing longer than the file, only arrays of plain bytes."""
    path, start = segment
    words = text.encode("utf-8", "replace")
    length = len(words) if claimed is None else claimed % 2**32
    head = struct.pack("<BBHI", order, 0, len(shape), length)
    head += b"".join(struct.pack("<Q", each) for each in shape) + words
    head += bytes(-len(head) % 64)
    stored = (head + filling * SIZE)[:SIZE]
    data = bytearray(path.read_bytes())
    data[start : start + SIZE] = stored
    data[start + SIZE : start + SIZE + 4] = struct.pack("<I", crc32c(stored))
    path.write_bytes(data)
    try:
        value = _native.Store(str(path.parents[1])).load(bytes(32))
    except (MemoryError, KeyError):
        raise
    except Exception:
        return
    assert isinstance(value, np.ndarray)
    assert value.nbytes <= SIZE
    if value.nbytes:
        assert not value.dtype.hasobject
        assert value.tobytes(order="A") in stored


# --- files of jug 2.7 ------------------------------------------------------------------------------

PLAIN: list[Any] = [None, 5, "text" * 40, {"a": [1, (2.5, b"x")]}, [[]] * 50]
EDITS = st.lists(st.tuples(st.integers(0, 400), st.binary(max_size=9)), min_size=1, max_size=4)


def edited(data: bytes, edits: list[tuple[int, bytes]]) -> bytes:
    """With some bytes replaced, or cut off where there is nothing in their place."""
    for at, new in edits:
        data = data[:at] + new + data[at + len(new) :] if new else data[:at]
    return data


def read(jugdir: Path, name: bytes) -> Any:
    """A value, or Unreadable; anything else that is raised is a fault."""
    try:
        old = OldJugdir(str(jugdir))
        return old.load(name)[0] if name in old else Unreadable
    except Unreadable:
        return Unreadable


@EXAMPLES
@given(value=st.sampled_from(PLAIN), edits=EDITS)
def test_an_old_file_that_was_edited_is_right_or_unreadable(
    folder: Path, value: Any, edits: list[tuple[int, bytes]]
) -> None:
    """What is compressed has a checksum; only what is empty is a value (None) without one."""
    jugdir = folder / "loose"
    write(jugdir, {key(1): value})
    path = place(jugdir, key(1))
    whole = path.read_bytes()
    changed = edited(whole, edits)
    path.write_bytes(changed)
    found = read(jugdir, key(1))
    assert found is Unreadable or found == (value if changed.startswith(whole) and whole else None)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::RuntimeWarning")
@EXAMPLES
@given(shape=st.lists(LENGTHS, max_size=4), text=TEXTS, edits=st.one_of(st.just([]), EDITS))
def test_an_old_array_that_lies_is_unreadable_or_as_long_as_its_file(
    folder: Path, shape: list[int], text: str, edits: list[tuple[int, bytes]]
) -> None:
    jugdir = folder / "arrays"
    write(jugdir, {key(1): np.arange(40)})
    header = f"{{'descr': {text}, 'fortran_order': False, 'shape': {tuple(shape)}, }}".encode(
        "utf-8", "replace"
    )
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    data = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header) % 2**16) + header + bytes(range(200))
    data = edited(data, edits)
    place(jugdir, key(1)).write_bytes(data)
    found = read(jugdir, key(1))
    if isinstance(found, np.ndarray):
        assert found.nbytes <= len(data)
        assert not found.dtype.hasobject
    else:
        assert found is Unreadable or not data


@EXAMPLES
@given(edits=EDITS, where=st.integers(0, 3))
def test_an_old_pack_that_was_edited_is_right_or_unreadable(
    folder: Path, edits: list[tuple[int, bytes]], where: int
) -> None:
    jugdir = folder / "packed"
    values = {key(n): value for n, value in enumerate(PLAIN, 2)}
    write(jugdir, {key(1): "loose"})
    path = write_pack(jugdir, values)
    whole = encode(values)
    changed = edited(whole, [(at + 100 * where, new) for at, new in edits])
    path.write_bytes(changed)
    for name, value in values.items():
        found = read(jugdir, name)
        assert found is Unreadable or (changed.startswith(whole) and found == value)
    assert read(jugdir, key(1)) == "loose"
