"""Jugdirs on a filesystem that other hosts may share, as far as jug can see: one of FUSE."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.missing import missing
from tests.support.mounts import bound
from tests.support.run_counts import COUNTED, ran

OBJECTION = (
    "mirror/data was made for workers on one host (claims in mode posix) and is on a network filesystem"
)


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[Path]:
    """A directory that shows the contents of `tmp_path`/local through FUSE."""
    if shutil.which("bindfs") is None:
        missing("bindfs is not installed")
    (tmp_path / "local").mkdir()
    with bound(tmp_path / "local", tmp_path / "mirror") as mirror:
        yield mirror


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_jugdir_for_one_host_is_refused_where_several_may_see_it(jug, mirror):
    jug.write(COUNTED + "    total([step(i) for i in range(10)])\n")
    assert jug("execute", "--will-cite", "--jugdir", "local/data").returncode == 0
    before = files(jug.folder / "local")
    more = jug.write(COUNTED + "    total([step(i) for i in range(11)])\n", "more.py").name
    fewer = jug.write(COUNTED + "    total([step(i) for i in range(9)])\n", "fewer.py").name
    changes = [
        ["execute", more],
        ["invalidate", "--name", "step"],
        ["cleanup", fewer],
        ["pack"],
        ["fsck", "--repair"],
    ]
    for command in changes:
        refused = jug(*command, "--jugdir", "mirror/data")
        assert refused.returncode == 1, command
        assert refused.stderr.count("\n") == 1, refused.stderr
        assert OBJECTION in refused.stderr
    looked = jug("status", "--short", "--jugdir", "mirror/data")
    assert (looked.returncode, looked.stdout) == (0, "All tasks complete (11 tasks).\n")
    assert looked.stderr.startswith("jug: warning: ")
    assert OBJECTION in looked.stderr
    assert OBJECTION in jug("execute", "--jugdir", "mirror/data").stderr, "although there was nothing to do"
    assert files(jug.folder / "local") == before
    allowed = jug("execute", "--will-cite", "--claims=posix", "--jugdir", "mirror/data")
    assert allowed.returncode == 0, allowed.stderr


def test_a_jugdir_that_is_created_there_is_for_several_hosts_and_works(jug, mirror):
    jug.write(COUNTED + "    total([step(i) for i in range(200)])\n")
    workers = [jug.start("execute", "--will-cite", "--jugdir", "mirror/data") for _ in range(2)]
    for worker in workers:
        out, err = worker.communicate(timeout=120)
        assert worker.returncode == 0, out + err
    assert "claims link\n" in (mirror / "data" / "FORMAT").read_text()
    assert set(ran(jug.folder).values()) == {1}
    assert len(ran(jug.folder)) == 201
    assert jug("check", "--jugdir", "mirror/data").returncode == 0
    assert jug("fsck", "--jugdir", "local/data").returncode == 0
