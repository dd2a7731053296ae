"""Values as jug 2.x wrote them."""

import io
import pickle
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jug.backends.encode import (
    compress_stream,
    decode,
    decode_from,
    decompress_stream,
    encode,
    encode_to,
)

VALUES = [
    None,
    0,
    "text",
    [1, {"a": (2, None)}],
    b"x" * 100_000,
    np.arange(10),
    np.zeros((2, 0)),
    np.array(1),
]
# What the real jug 2.7.0 wrote.
A_DICT = (
    b"x\x9c\x0bh`\x9d\xaa\xc1\x00\x01\xb5S4z\x18\x13\xa7\xc4N\xd1\xf0f\xf4\xeba)I\xad(\x99\x92\xea\xcd\xe4\xee"
    b"\xc0\x03\x91wf\xac\x98\xd26\xa5T\x0f\x00Q\xb4\r<"
)
AN_ARRAY = (
    b"x\x9c\xf3\x9b\xec\x17\xea\x1b\x10\xc9\xc8P\xc6P\xad\x9e\x92Z\x9c\\\xa4n\xa5\xa0n\x93i\xa4\xae\xa3\xa0\x9e"
    b"\x96_TR\x94\x98\x17\x9f_\x94\x92\n\x12wK\xcc)N\x05\x8a\x17g$\x16\xa4\x02\xf9\x1a\xc6:\x9a:\n\xb5\n\x14\x00"
    b".\x06\x06F\x06&\x06\x00 \xa0\x1b\xac"
)


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_what_is_encoded_can_be_decoded(value: object) -> None:
    """In memory and through files, numpy arrays as well."""
    stream = io.BytesIO()
    encode_to(value, stream)
    assert stream.getvalue() == encode(value)
    stream.seek(0)
    for decoded in (decode(encode(value)), decode_from(stream)):
        assert type(decoded) is type(value)
        np.testing.assert_equal(decoded, value)


def test_bytes_of_jug_2_7_are_read_and_written() -> None:
    """Byte by byte what the other package writes."""
    value = {"a": [1, None, "text"], 2: (3.5, b"x")}
    array = np.arange(3, dtype="<i2")
    assert decode(A_DICT) == value
    np.testing.assert_equal(decode(AN_ARRAY), array)
    # What zlib and numpy make of it may change, not what is in it.
    assert zlib.decompress(encode(value)) == zlib.decompress(A_DICT)
    assert zlib.decompress(encode(array))[:7] == zlib.decompress(AN_ARRAY)[:7]


def test_none_is_no_bytes_at_all() -> None:
    """So jug 2.x keeps it as an empty file."""
    assert encode(None) == b""
    assert decode(b"") is None


@pytest.mark.parametrize("value", [[1, 2, "text" * 50], np.arange(100)], ids=["pickle", "array"])
def test_bytes_that_are_cut_off_are_an_error(value: object) -> None:
    """Never a part of the value, unless only the checksum at the end is missing."""
    encoded = encode(value)
    for length in range(1, len(encoded) - 10):
        with pytest.raises((OSError, EOFError, ValueError, pickle.UnpicklingError, zlib.error)):
            decode(encoded[:length])


def test_bytes_of_another_kind_are_distinguished() -> None:
    """The letter in front says what follows."""
    with pytest.raises(OSError, match="b'Q'"):
        decode(zlib.compress(b"Qwerty"))


def test_what_goes_through_a_compressing_stream_is_a_zlib_stream() -> None:
    """After flush it is whole. It cannot be read from."""
    target = io.BytesIO()
    stream = compress_stream(target)
    stream.write(b"a" * 1000)
    stream.write(memoryview(b"b"))
    stream.flush()
    assert zlib.decompress(target.getvalue()) == b"a" * 1000 + b"b"
    for read in (lambda: stream.read(1), lambda: stream.readinto(bytearray(1))):
        with pytest.raises(NotImplementedError):
            read()


@given(contents=st.binary(max_size=300), sizes=st.lists(st.integers(0, 50)), block=st.integers(1, 40))
def test_a_decompressing_stream_reads_like_a_file(contents: bytes, sizes: list[int], block: int) -> None:
    """Whatever is asked for at a time, and however much of what was read last is given back."""
    stream, file = decompress_stream(io.BytesIO(zlib.compress(contents)), block), io.BytesIO(contents)
    for size in sizes:
        part = stream.read(size)
        assert part == file.read(size)
        back = len(part) // 2
        stream.seek(-back, 1)
        file.seek(-back, 1)
    assert stream.readline() == file.readline()
    stream.seek(3, 1)
    file.seek(3, 1)
    assert stream.read(1000) == file.read(1000)


def test_a_decompressing_stream_goes_back_no_further_than_it_has_read() -> None:
    """And moves only relative to where it is."""
    stream = decompress_stream(io.BytesIO(zlib.compress(b"0123456789")))
    stream.read(3)
    with pytest.raises(ValueError, match="4 bytes back"):
        stream.seek(-4, 1)
    with pytest.raises(NotImplementedError):
        stream.seek(0, 0)
