"""What builds did whose locks belonged to processes."""

import fcntl
import os
import struct


def stripe_and_byte(one):
    """Where a key is claimed: see docs/format.md."""
    return f"{one[8] % 64:02x}", struct.unpack("<Q", one[:8])[0] >> 1


class EarlierBuild:
    """Claims and lifetime locks as builds made them whose locks belong to processes."""

    def __init__(self, jugdir):
        self._dir = jugdir / "claims"
        self._open = {}

    def claim(self, one):
        name, byte = stripe_and_byte(one)
        if name not in self._open:
            self._open[name] = os.open(self._dir / name, os.O_RDWR | os.O_CREAT)
        try:
            fcntl.lockf(self._open[name], fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
        except OSError:
            return False
        return True

    def live(self, path):
        """Whether the first byte of a worker's file is locked, and by which process the kernel says."""
        descriptor = os.open(path, os.O_RDONLY)
        asked = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 1, 0)
        kind, _, _, _, pid = struct.unpack("hhqqi4x", fcntl.fcntl(descriptor, fcntl.F_GETLK, asked))
        os.close(descriptor)
        return kind != fcntl.F_UNLCK, pid
