"""Filesystems of a test's own: small, short of inodes, read-only, of FUSE. Mounting them needs root."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.permission import NotPermitted

#: How `mount` says that it is not allowed; a bad option sounds different.
REFUSALS = ("must be superuser", "permission denied", "Operation not permitted", "device not found")


@contextmanager
def tmpfs(where: Path, options: str) -> Iterator[Path]:
    """A filesystem in memory with these mount options, for as long as the context lasts."""
    with mounted("mount", "-t", "tmpfs", "-o", options, "tmpfs", where=where):
        yield where


@contextmanager
def bound(source: Path, where: Path) -> Iterator[Path]:
    """The contents of `source` by way of FUSE, for as long as the context lasts."""
    with mounted("bindfs", source, where=where):
        yield where


@contextmanager
def mounted(*command: str | Path, where: Path) -> Iterator[None]:
    """Creates a directory and mounts something there by a command."""
    where.mkdir()
    made = run(*command, where)
    if any(words in made.stderr for words in REFUSALS):
        raise NotPermitted(f"no filesystem of its own can be mounted here: {made.stderr.strip()}")
    # Anything else is a mistake of the test's.
    assert made.returncode == 0, made.stderr
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", where], check=True)


def mount(*options: str | Path) -> subprocess.CompletedProcess[str]:
    """Calls ``mount``."""
    return run("mount", *options)


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    """Runs a command, which is to speak English."""
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"}
    )
