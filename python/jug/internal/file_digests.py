"""The digest of a file's content, which is read once as long as the file is not changed."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import time
from typing import NamedTuple

__all__ = ["Unusable", "digest_of"]

#: How many bytes are read at once.
_PIECE = 1 << 20

#: How long ago, in nanoseconds, a file must have been changed when it is read. Its time is that of the last
#: tick of a clock: of a second change within that tick nothing would be noticed.
_SETTLED = 2_000_000_000

#: From how many bytes on a digest is kept for other processes: what is smaller is read as fast as that is.
_WORTH_KEEPING = 1 << 20

#: What a file in the cache begins with; another number stands for another form.
_FORM = "1"

#: How long such a file is at most.
_MOST = 1000


class Unusable(Exception):
    """Says what is the matter with a file: "is a directory".

    Parameters
    ----------
    what : str
    is_out_of_reach : bool, optional
        Whether the file may be all right, and only cannot be looked at here and now.
    """

    def __init__(self, what: str, is_out_of_reach: bool = False) -> None:
        super().__init__(what)
        self.is_out_of_reach = is_out_of_reach


class _Identity(NamedTuple):
    """By what it is known that a file is what it was: whatever changes its content changes one of these."""

    device: int
    inode: int
    changed: int
    modified: int
    size: int

    @classmethod
    def of(cls, status: os.stat_result) -> _Identity:
        return cls(status.st_dev, status.st_ino, status.st_ctime_ns, status.st_mtime_ns, status.st_size)

    def is_settled(self, now: int) -> bool:
        """Whether a change after this moment gives the file another time."""
        is_recent = now - _SETTLED < self.modified <= now + _SETTLED
        return self.changed + _SETTLED <= now and not is_recent


#: The digests that this process knows.
_known: dict[_Identity, str] = {}


def digest_of(path: str) -> str:
    """The BLAKE2b digest, of 256 bits, of what is in a file.

    Parameters
    ----------
    path : str
        An absolute path; symbolic links are followed.

    Returns
    -------
    str
        64 hexadecimal digits.

    Raises
    ------
    Unusable
        If it is no file that can be read, or is changed meanwhile.
    """
    try:
        # Opened and not only looked at: a network filesystem asks its server then. Nobody waits for a FIFO.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except FileNotFoundError:
        # What lies on a disk that is not mounted now has no directory either.
        if os.path.isdir(os.path.dirname(os.path.realpath(path))):
            raise Unusable("is not there") from None
        raise Unusable("is not there, nor is its directory", is_out_of_reach=True) from None
    except (OSError, ValueError) as error:
        raise Unusable(f"cannot be read: {_said_by(error)}", is_out_of_reach=True) from None
    try:
        return _digest_of_open(descriptor, path)
    except OSError as error:
        raise Unusable(f"cannot be read: {_said_by(error)}", is_out_of_reach=True) from None
    finally:
        os.close(descriptor)


def _said_by(error: OSError | ValueError) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error)


def _digest_of_open(descriptor: int, path: str) -> str:
    status = os.fstat(descriptor)
    if stat.S_ISDIR(status.st_mode):
        raise Unusable("is a directory")
    if not stat.S_ISREG(status.st_mode):
        raise Unusable("is no regular file")
    identity = _Identity.of(status)
    digest = _known.get(identity)
    if digest is not None:
        return digest
    is_large = identity.size >= _WORTH_KEEPING
    digest = _Entry(path, identity).read() if is_large else ""
    if not digest:
        began = time.time_ns()
        digest = _read(descriptor, identity)
        if not identity.is_settled(began):
            return digest
        if is_large:
            _Entry(path, identity).write(digest)
    _known[identity] = digest
    return digest


def _read(descriptor: int, identity: _Identity) -> str:
    """The digest of all that is in a file; Unusable if it is changed meanwhile."""
    digest, buffer, size = hashlib.blake2b(digest_size=32), memoryview(bytearray(_PIECE)), 0
    while size <= identity.size and (count := os.readv(descriptor, [buffer])):
        digest.update(buffer[:count])
        size += count
    if size != identity.size or _Identity.of(os.fstat(descriptor)) != identity:
        raise Unusable("is being changed: its content is other when it was read than it was before")
    return digest.hexdigest()


class _Entry:
    """A digest in the user's cache directory: of one path, so that another one takes its place.

    Whatever is wrong with it, it is as if it were not there.

    Parameters
    ----------
    path : str
    identity : _Identity
    """

    def __init__(self, path: str, identity: _Identity) -> None:
        name = hashlib.blake2b(os.fsencode(path), digest_size=16).hexdigest()
        self._folder = _cache_folder()
        self._path = os.path.join(self._folder, name)
        # Numbers of devices and files are those of one host.
        host = hashlib.blake2b(os.uname().nodename.encode(), digest_size=8).hexdigest()
        self._head = f"{_FORM} {name} {host} {' '.join(map(str, identity))} "

    def read(self) -> str:
        """The digest; empty if there is none."""
        try:
            with open(self._path, "rb") as file:
                is_own = os.fstat(file.fileno()).st_uid == os.geteuid()
                line = file.read(_MOST).decode("ascii")
        except (OSError, ValueError):
            return ""
        digest = line[len(self._head) :].partition(" ")[0]
        return digest if is_own and len(digest) == 64 and line == self._line(digest) else ""

    def write(self, digest: str) -> None:
        """Puts a digest there, if that is possible."""
        import tempfile

        with contextlib.suppress(OSError):
            os.makedirs(self._folder, mode=0o700, exist_ok=True)
            descriptor, new = tempfile.mkstemp(dir=self._folder)
            try:
                with open(descriptor, "wb") as file:
                    file.write(self._line(digest).encode())
                os.replace(new, self._path)
            except BaseException:
                os.unlink(new)
                raise

    def _line(self, digest: str) -> str:
        """What is in the file: with a checksum at its end."""
        text = f"{self._head}{digest} "
        return f"{text}{hashlib.blake2b(text.encode(), digest_size=16).hexdigest()}\n"


def _cache_folder() -> str:
    base = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(base):
        base = os.path.expanduser("~/.cache")
    return os.path.join(base, "jug", "digests")
