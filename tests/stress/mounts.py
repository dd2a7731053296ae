"""Filesystems of a test's own: small, short of inodes, read-only. Mounting them needs root."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.permission import NotPermitted

#: How `mount` says that it is not allowed; a bad option sounds different.
REFUSALS = ("must be superuser", "permission denied", "Operation not permitted")


@contextmanager
def tmpfs(where: Path, options: str) -> Iterator[Path]:
    """A filesystem in memory with these mount options, for as long as the context lasts."""
    where.mkdir()
    mounted = mount("-t", "tmpfs", "-o", options, "tmpfs", where)
    if any(words in mounted.stderr for words in REFUSALS):
        raise NotPermitted(f"no filesystem of its own can be mounted here: {mounted.stderr.strip()}")
    # Anything else is a mistake of the test's.
    assert mounted.returncode == 0, mounted.stderr
    try:
        yield where
    finally:
        subprocess.run(["umount", "--lazy", where], check=True)


def mount(*options: str | Path) -> subprocess.CompletedProcess[str]:
    """Calls ``mount``, which is to speak English."""
    return subprocess.run(
        ["mount", *options],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "LC_ALL": "C"},
    )
