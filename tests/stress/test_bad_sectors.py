"""Files of a jugdir that cannot be read, as strace makes it seem: reported, worked around, and kept."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from benches import common
from benches.common import OURS, Run
from tests.support.texts import TASKS, columns, write_jugfile

#: What cannot be read, by the name of the part and a pattern; and how many bytes a result of the jugfile has.
PLACES = {
    "a segment": ("segments/*.seg", 200),
    "a pack": ("packs/*.pack", 200),
    "an index": ("packs/*.idx", 200),
    "a blob": ("blobs/*/*", 150_000),
}


@pytest.fixture(params=PLACES)
def spoilt(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Path, Path, bool]:
    """A jugfile, its jugdir with all results, the file that cannot be read, and if that costs results."""
    if shutil.which("strace") is None:
        pytest.skip("there is no strace")
    pattern, size = PLACES[request.param]
    jugfile, jugdir = write_jugfile(tmp_path, size), tmp_path / "results"
    common.succeed(common.jug(OURS, "execute", jugfile, jugdir))
    if pattern.startswith("packs"):
        common.succeed(common.jug(OURS, "pack", jugfile, jugdir, "--force"))
    return jugfile, jugdir, sorted(jugdir.glob(pattern))[0], not pattern.endswith("idx")


def without(path: Path, command: str, jugfile: Path, jugdir: Path, *options: str) -> Run:
    """Runs jug where this file answers every read with EIO, as a bad sector does."""
    jug = [OURS.parent / "jug", command, "--jugdir", jugdir, jugfile, *options]
    trace = ["strace", "-f", "-o", "/dev/null", "-P", path, "-e", "trace=pread64"]
    done = common.run([*trace, "-e", "inject=pread64:error=EIO", *jug], jugdir.parent)
    assert "Traceback" not in done.stderr
    return done


def test_a_file_that_cannot_be_read_is_reported_and_worked_around(
    spoilt: tuple[Path, Path, Path, bool],
) -> None:
    """Every command goes on with the rest; nothing is removed: all is there when it can be read."""
    jugfile, jugdir, path, is_loss = spoilt
    status = without(path, "status", jugfile, jugdir)
    assert columns(status)[3] + columns(status)[2] == TASKS
    checked = without(path, "fsck", jugfile, jugdir)
    assert checked.exit_status == 1
    [line] = [line for line in checked.stdout.splitlines() if str(path) in line][:1]
    assert line.startswith("damaged: ")
    assert "cannot be read: Input/output error" in line
    assert ("texts.make (" in checked.stdout) == (path.parent.name not in ("segments",) and is_loss)
    packed = without(path, "pack", jugfile, jugdir, "--force")
    assert packed.exit_status == 0
    without(path, "cleanup", jugfile, jugdir)
    # An index is made again from its pack.
    assert path.exists() or not is_loss
    assert columns(common.succeed(common.jug(OURS, "status", jugfile, jugdir)))[3] == TASKS
    common.succeed(common.jug(OURS, "fsck", jugfile, jugdir))


def test_its_tasks_are_computed_again(spoilt: tuple[Path, Path, Path, bool]) -> None:
    """Whether somebody repairs it before or not."""
    jugfile, jugdir, path, _ = spoilt
    assert without(path, "execute", jugfile, jugdir).exit_status == 0
    common.succeed(common.jug(OURS, "check", jugfile, jugdir))
    repaired = without(path, "fsck", jugfile, jugdir, "--repair")
    assert repaired.exit_status == 1
    assert (jugdir / "quarantine" / path.name).exists()
    assert without(path, "fsck", jugfile, jugdir).exit_status == 0
    assert without(path, "execute", jugfile, jugdir).exit_status == 0
    common.succeed(common.jug(OURS, "check", jugfile, jugdir))
    program = (
        f"import jug; _, s = jug.init({str(jugfile)!r}, {str(jugdir)!r});"
        "print(all(jug.value(t) == t.f(*t.args) for t in s['results']))"
    )
    assert common.succeed(common.run([OURS, "-c", program], jugdir.parent)).stdout.split() == ["True"]


def test_large_results_are_kept_with_the_records_that_refer_to_them(tmp_path: Path) -> None:
    """By a repair; otherwise they stay where they are, though nothing that can be read refers to them."""
    if shutil.which("strace") is None:
        pytest.skip("there is no strace")
    jugfile, jugdir = write_jugfile(tmp_path, 150_000), tmp_path / "results"
    common.succeed(common.jug(OURS, "execute", jugfile, jugdir))
    [segment] = jugdir.glob("segments/*.seg")
    blobs = {path.name for path in jugdir.glob("blobs/*/*")}
    assert len(blobs) == TASKS
    without(segment, "fsck", jugfile, jugdir)
    without(segment, "cleanup", jugfile, jugdir)
    without(segment, "pack", jugfile, jugdir, "--force")
    assert {path.name for path in jugdir.glob("blobs/*/*")} == blobs
    common.succeed(common.jug(OURS, "check", jugfile, jugdir))
    without(segment, "fsck", jugfile, jugdir, "--repair")
    assert {path.name for path in (jugdir / "quarantine").iterdir()} == {segment.name, *blobs}
    assert list(jugdir.glob("blobs/*/*")) == []
    common.succeed(common.jug(OURS, "execute", jugfile, jugdir))
    common.succeed(common.jug(OURS, "check", jugfile, jugdir))
