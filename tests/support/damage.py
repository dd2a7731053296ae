"""A finished jugdir of small and large results, and what tests do to its files."""

import os

JOBS = """
    from jug import TaskGenerator

    @TaskGenerator
    def small(x):
        return "value %d" % x * 20

    @TaskGenerator
    def large(x):
        import hashlib
        return hashlib.shake_128(b"%d" % x).digest(100_000)

    @TaskGenerator
    def join(parts, more):
        return len(parts), len(more)

    parts = [small(i) for i in range(6)]
    more = [large(i) for i in range(2)]
    total = join(parts, more)
"""


def only(jug, pattern):
    """The one file of the jugdir that matches."""
    [path] = (jug.folder / "jugfile.jugdata").glob(pattern)
    return path


def flip(path, at, mask=0x20):
    """Changes a byte."""
    data = bytearray(path.read_bytes())
    data[at] ^= mask
    path.write_bytes(data)


def cut(path, size):
    """Takes the last bytes away."""
    os.truncate(path, path.stat().st_size - size)


def snapshot(folder):
    """All files with their contents."""
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
