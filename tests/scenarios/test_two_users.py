"""Two users share a jugdir by a group: what one of them creates locks the other out of nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.permission import NotPermitted

GROUP = 54321
FIRST, SECOND = 54322, 54323

JUGFILE = """\
import random

from jug import TaskGenerator

@TaskGenerator
def make(i):
    return random.Random(i).randbytes(80_000)

results = [make(i) for i in range(200)]
"""

#: The interpreter may be where only this user can read: everything is imported before the user changes.
PROGRAM = """\
import importlib, os, pkgutil, sys
import jug, jug.jug
for module in pkgutil.walk_packages(jug.__path__, "jug."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
user, group, umask = map(int, sys.argv[1:4])
os.setgroups([group])
os.setegid(user)
os.seteuid(user)
os.umask(umask)
jug.jug.main(["jug", *sys.argv[4:]])
"""


def run(user: int, umask: int, folder: Path, *args: str, **environment: str) -> int:
    """`jug ARGS` as a user whose own group is not the one that is shared; its exit status."""
    options = ["--will-cite", "--jugdir", "results", "jugfile.py"]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(user), str(GROUP), str(umask), *args, *options],
        cwd=folder,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert "denied" not in done.stderr + done.stdout
    return done.returncode


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for the group, which everybody can reach."""
    if os.geteuid() != 0:
        raise NotPermitted("only root can be two users")
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory)
        (path / "jugfile.py").write_text(JUGFILE)
        os.chown(path, 0, GROUP)
        path.chmod(0o775)
        yield path


@pytest.mark.parametrize(("claims", "umask"), [("posix", 0o077), ("posix", 0o022), ("link", 0o077)])
def test_what_one_user_creates_locks_nobody_of_the_group_out(folder: Path, claims: str, umask: int) -> None:
    """One begins, the other goes on and clears up; their umasks are those of people who share nothing."""
    jugdir = folder / "results"
    jugdir.mkdir()
    os.chown(jugdir, 0, GROUP)
    jugdir.chmod(0o770)
    assert run(FIRST, umask, folder, "execute", f"--claims={claims}", JUG_MAX_TASKS="100") == 0
    assert run(SECOND, umask, folder, "execute") == 0
    assert run(SECOND, umask, folder, "check") == 0
    for args in (["fsck", "--repair"], ["invalidate", "--name", "jugfile.make"]):
        assert run(FIRST, umask, folder, *args) == 0, args
    assert run(SECOND, umask, folder, "execute") == 0


def test_a_jugdir_in_a_folder_of_a_group_is_no_more_open_than_the_umask_says(folder: Path) -> None:
    """A folder that others may write to makes nothing in it writable for them."""
    assert run(FIRST, 0o022, folder, "execute", JUG_MAX_TASKS="2") == 0
    paths = [folder / "results", *(folder / "results").rglob("*")]
    assert not any(path.stat().st_mode & 0o022 for path in paths)
