"""Filesystems of a test's own: small, short of inodes, read-only. Mounting them needs root."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.permission import NotPermitted


@contextmanager
def tmpfs(where: Path, options: str) -> Iterator[Path]:
    """A filesystem in memory with these mount options, for as long as the context lasts."""
    where.mkdir()
    mounted = mount("-t", "tmpfs", "-o", options, "tmpfs", where)
    if mounted.returncode != 0:
        raise NotPermitted(f"no filesystem of its own can be mounted here: {mounted.stderr.strip()}")
    try:
        yield where
    finally:
        subprocess.run(["umount", "--lazy", where], check=True)


def mount(*options: str | Path) -> subprocess.CompletedProcess[str]:
    """Calls ``mount``."""
    return subprocess.run(["mount", *options], capture_output=True, text=True, check=False)
