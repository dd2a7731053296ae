"""Values as bytes, the way jug 2.x wrote them.

A zlib stream over one letter and what it announces: ``N`` a numpy array in numpy's own file format, ``P`` a
pickle of anything else. ``None`` is no bytes at all. The jugdirs of this version do not hold such bytes
(docs/format.md); these functions read and write those of jug 2.x, and serve users who call them.
"""

from __future__ import annotations

import pickle
import sys
import zlib
from io import BytesIO
from typing import IO, TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["compress_stream", "decode", "decode_from", "decompress_stream", "encode", "encode_to"]


def encode(object: Any) -> bytes:
    """Writes an object to bytes, as jug 2.x does.

    Parameters
    ----------
    object : any
        What pickle can write; None becomes no bytes at all.

    Returns
    -------
    bytes
        What :func:`decode` makes an equal object of.
    """
    output = BytesIO()
    encode_to(object, output)
    return output.getvalue()


def decode(s: bytes) -> Any:
    """Reads an object from the bytes that :func:`encode` returned.

    Unpickling runs code: decode only what you trust.

    Parameters
    ----------
    s : bytes
        The bytes.

    Returns
    -------
    any
        The object.

    Raises
    ------
    OSError
        If `s` is cut off, or its contents are of neither kind.
    zlib.error, pickle.UnpicklingError, ...
        If `s` is damaged.
    """
    return decode_from(BytesIO(s))


def encode_to(object: Any, stream: IO[bytes]) -> None:
    """Writes an object to a binary file: what :func:`encode` returns.

    Parameters
    ----------
    object : any
        What pickle can write; for None nothing is written.
    stream : binary file
        Where the bytes are written.
    """
    if object is None:
        return
    numpy = sys.modules.get("numpy")
    output = compress_stream(stream)
    if numpy is not None and type(object) is numpy.ndarray and not object.dtype.hasobject:
        output.write(b"N")
        numpy.save(output, object)
    else:
        output.write(b"P")
        pickle.dump(object, output, pickle.HIGHEST_PROTOCOL)
    output.flush()


def decode_from(stream: IO[bytes]) -> Any:
    """Reads an object from a binary file that :func:`encode_to` has written.

    Parameters
    ----------
    stream : binary file
        Read from its current position on.

    Returns
    -------
    any
        The object.

    Raises
    ------
    OSError
        If the contents are cut off, or of neither kind.
    zlib.error, pickle.UnpicklingError, ...
        If they are damaged.
    """
    contents = decompress_stream(stream)
    kind = contents.read(1)
    if not kind:
        return None
    if kind == b"P":
        return pickle.load(contents)
    if kind == b"N":
        import numpy

        return numpy.load(contents)
    raise OSError(f"the bytes were not written by jug: they begin with {kind!r} instead of 'N' or 'P'")


class compress_stream:
    """A file that can only be written, and compresses what is written to it into another file.

    Parameters
    ----------
    stream : binary file
        Receives a zlib stream, which is complete after one :meth:`flush` at the end.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream = stream
        self._compressor = zlib.compressobj()

    def write(self, s: Buffer) -> None:
        """Compresses bytes.

        Parameters
        ----------
        s : bytes or buffer
            The bytes.
        """
        self.stream.write(self._compressor.compress(s))

    def flush(self) -> None:
        """Ends the compressed stream; nothing can be written afterwards."""
        self.stream.write(self._compressor.flush())
        self.stream.flush()

    def read(self, *args: object, **kwargs: object) -> NoReturn:
        """Not supported; numpy accepts as a file only what has this method.

        Raises
        ------
        NotImplementedError
            Always.
        """
        raise NotImplementedError("a compress_stream can only be written")

    def readinto(self, buf: object) -> NoReturn:
        """Not supported.

        Raises
        ------
        NotImplementedError
            Always.
        """
        raise NotImplementedError("a compress_stream can only be written")


class decompress_stream:
    """A file that can only be read: the contents of a zlib stream.

    Parameters
    ----------
    stream : binary file
        Where the compressed bytes come from.
    block : int, default 8192
        How many compressed bytes are read at a time.
    """

    def __init__(self, stream: IO[bytes], block: int = 8192) -> None:
        self.stream = stream
        self.block = block
        self._decompressor = zlib.decompressobj()
        self._ahead = b""  # Decompressed, and not read yet.
        self._last = b""  # What was read last: so far one can go back.
        self._has_begun = (
            False  # No bytes at all are a stream without contents, and not one that was cut off.
        )

    def read(self, nbytes: int) -> bytes:
        """Reads bytes.

        Parameters
        ----------
        nbytes : int
            How many.

        Returns
        -------
        bytes
            That many, or all that are left if these are fewer.

        Raises
        ------
        OSError
            If the stream is cut off before that.
        zlib.error
            If the stream is damaged.
        """
        parts, wanted = [self._ahead[:nbytes]], nbytes - len(self._ahead)
        self._ahead = self._ahead[nbytes:]
        while wanted > 0 and not self._decompressor.eof:
            compressed = self._decompressor.unconsumed_tail or self.stream.read(self.block)
            if not compressed and not self._has_begun:
                break
            part = self._decompressor.decompress(compressed, wanted)
            if not compressed and not part:
                raise OSError("the compressed bytes are cut off")
            parts.append(part)
            wanted -= len(part)
            self._has_begun = True
        self._last = b"".join(parts)
        return self._last

    def readline(self) -> bytes:
        """Reads up to the next line feed.

        Returns
        -------
        bytes
            The bytes with the line feed, or all that are left.
        """
        line = b""
        while not line.endswith(b"\n"):
            part = self.read(self.block)
            if not part:
                break
            end = part.find(b"\n") + 1 or len(part)
            line, self._ahead = line + part[:end], part[end:] + self._ahead
        self._last = line
        return line

    def seek(self, offset: int, whence: int) -> None:
        """Moves by a number of bytes: forwards, or back by no more than was read last.

        Parameters
        ----------
        offset : int
            How many bytes forwards; negative for backwards.
        whence : int
            Must be 1: relative to the current position.

        Raises
        ------
        NotImplementedError
            If `whence` is not 1.
        ValueError
            If that is too far back.
        """
        if whence != 1:
            raise NotImplementedError("in a compressed stream one can only move relative to where one is")
        if -offset > len(self._last):
            raise ValueError(f"cannot go {-offset} bytes back: {len(self._last)} were read last")
        while offset > 0:
            offset -= len(self.read(min(offset, self.block))) or offset
        if offset < 0:
            self._last, again = self._last[:offset], self._last[offset:]
            self._ahead = again + self._ahead
