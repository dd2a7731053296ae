"""The files that jug 2.x keeps results in: read with suspicion, and written.

A file holds a numpy array as ``.npy``, a polars frame as Parquet, ``None`` as nothing, and anything else as
:mod:`jug.backends.encode` writes it.
"""

from __future__ import annotations

import math
import pickle
import sys
import zlib
from io import BytesIO
from typing import IO, Any

from ..backends.encode import encode_to

__all__ = ["Unreadable", "as_read", "decompress", "read_value", "write_value"]

_NPY = b"\x93NUMPY"
_PARQUET = b"PAR1"


class Unreadable(Exception):
    """A result cannot be had; the message says why."""


def read_value(file: IO[bytes], size: int) -> Any:
    """The value in an open file of `size` bytes.

    Nothing of the file is believed before it is checked: not a length (what is allocated is in proportion to
    the file), and a pickle only when the checksum behind it holds.

    Raises
    ------
    Unreadable
        If the file is damaged, or what reads it is not installed or not found.
    """
    try:
        head = file.read(8)
        file.seek(0)
        if not head:
            return None
        if head.startswith(_NPY):
            return _read_array(file, size)
        if head.startswith(_PARQUET):
            return _read_frame(file)
        return _decode(decompress(file.read()))
    except (Unreadable, KeyboardInterrupt, SystemExit):
        raise
    except ImportError as error:
        raise Unreadable(f"it needs a module that is not found: {error}") from error
    except (AttributeError, pickle.UnpicklingError) as error:
        raise Unreadable(f"it cannot be unpickled: {error}") from error
    except BaseException as error:  # Among them what polars raises when it panics, which is no Exception.
        raise Unreadable(f"{type(error).__name__}: {error}") from error


def decompress(data: bytes) -> bytes:
    """The contents of a zlib stream. Unreadable unless it is whole and its checksum holds."""
    decompressor = zlib.decompressobj()
    try:
        contents = decompressor.decompress(data)
    except zlib.error as error:
        raise Unreadable(f"it is damaged ({error})") from None
    if not decompressor.eof:
        raise Unreadable("it is cut off")
    return contents


def _decode(contents: bytes) -> Any:
    kind, rest = contents[:1], memoryview(contents)[1:]
    if not kind:
        return None
    if kind == b"P":
        return pickle.loads(rest)
    if kind == b"N":
        return _read_array(BytesIO(rest), len(rest))
    raise Unreadable(f"it is of a kind {kind!r} that jug 2.7 does not write")


def _read_array(file: IO[bytes], size: int) -> Any:
    from numpy.lib import format

    version = format.read_magic(file)
    # Version 3 differs from 2 in the encoding of the names of fields, which do not matter yet.
    read_header = format.read_array_header_1_0 if version == (1, 0) else format.read_array_header_2_0
    shape, _, dtype = read_header(file)
    if dtype.hasobject or any(length < 0 for length in shape):
        raise Unreadable("it is no array that jug 2.7 writes")
    if math.prod(shape) * dtype.itemsize > size - file.tell():
        raise Unreadable(f"it is cut off: its array of shape {shape} does not fit into {size} bytes")
    file.seek(0)
    return format.read_array(file, allow_pickle=False)


def _read_frame(file: IO[bytes]) -> Any:
    try:
        import polars
    except ImportError:
        raise Unreadable("it is a frame, which needs polars: pip install polars") from None
    return polars.read_parquet(file)


def write_value(value: Any, file: IO[bytes]) -> None:
    """Writes `value` to a new file as jug 2.7 does, with no option set."""
    numpy, polars = sys.modules.get("numpy"), sys.modules.get("polars")
    try:
        if numpy is not None and type(value) is numpy.ndarray and not value.dtype.hasobject:
            numpy.lib.format.write_array(file, value)
            return
        if polars is not None and type(value) is polars.DataFrame:
            value.write_parquet(file)
            return
    except (OSError, ValueError):
        # It has no such form. An error of the disk comes again.
        file.seek(0)
        file.truncate()
    encode_to(value, file)


def as_read(value: Any) -> Any:
    """A value as jug 2.7 reads it from what :func:`write_value` writes: it may have another pickle."""
    file = BytesIO()
    write_value(value, file)
    size = file.tell()
    file.seek(0)
    return read_value(file, size)
