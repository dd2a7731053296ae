"""Files that break, disks that fill up: a clear message, and nothing that was stored is lost."""

import resource
import subprocess
from pathlib import Path

import pytest

from benches import common
from benches.common import OURS
from tests.support.texts import TASKS, columns, write_jugfile


@pytest.fixture
def finished(tmp_path: Path) -> tuple[Path, Path]:
    """A jugfile and its jugdir with all results."""
    jugfile = write_jugfile(tmp_path, 200)
    common.succeed(common.jug(OURS, "execute", jugfile, tmp_path / "results"))
    return jugfile, tmp_path / "results"


def only_segment(jugdir: Path) -> Path:
    """The one segment of a jugdir that one worker filled."""
    [segment] = jugdir.glob("segments/*.seg")
    return segment


def test_a_flipped_byte_costs_one_result_and_is_reported(finished: tuple[Path, Path]) -> None:
    """The damaged task is ready again, status says how many records are bad, execute heals it."""
    jugfile, jugdir = finished
    segment = only_segment(jugdir)
    data = bytearray(segment.read_bytes())
    digest = b"31bca02094eb78126a517b206a88c73cfa9ec6f704c7030d18212cace820f025"  # of the task make(0)
    data[data.index(digest) + 5] ^= 0x10
    segment.write_bytes(data)
    status = common.succeed(common.jug(OURS, "status", jugfile, jugdir), 1)
    assert columns(status) == [0, 0, 1, TASKS - 1, 0]
    assert "1" in status.stderr
    assert "damaged" in status.stderr
    assert "Traceback" not in status.stderr
    common.succeed(common.jug(OURS, "execute", jugfile, jugdir))
    healed = common.succeed(common.jug(OURS, "status", jugfile, jugdir))
    assert columns(healed) == [0, 0, 0, TASKS, 0]


@pytest.mark.parametrize("cut", [1, 100, 3000])
def test_a_truncated_segment_costs_its_tail_only(cut: int, finished: tuple[Path, Path]) -> None:
    """What was cut off is ready again, the rest is complete, and execute makes it whole."""
    jugfile, jugdir = finished
    segment = only_segment(jugdir)
    data = segment.read_bytes()
    segment.write_bytes(data[:-cut])
    status = common.jug(OURS, "status", jugfile, jugdir)
    _, waiting, ready, complete, _ = columns(status)
    assert (waiting, ready + complete) == (0, TASKS)
    assert ready <= 1 + cut // 200
    assert complete > 0
    assert "Traceback" not in status.stderr
    common.succeed(common.jug(OURS, "execute", jugfile, jugdir))
    common.succeed(common.jug(OURS, "check", jugfile, jugdir))


def test_a_disk_that_is_full_is_a_clear_error_and_costs_nothing_stored(tmp_path: Path) -> None:
    """Every write fails (at a limit for the size of files): status 1, one message, old results stay."""
    jugfile = write_jugfile(tmp_path, 30_000)
    jugdir = tmp_path / "results"
    common.succeed(common.jug(OURS, "execute", jugfile, jugdir, JUG_MAX_TASKS="5"))
    limit = 20_000
    done = subprocess.run(
        [OURS.parent / "jug", "execute", "--will-cite", "--jugdir", jugdir, jugfile],
        cwd=tmp_path,
        env=common.environment(),
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert str(jugdir) in done.stderr
    status = common.succeed(common.jug(OURS, "status", jugfile, jugdir), 1)
    assert columns(status)[3] == 5
    common.succeed(common.jug(OURS, "execute", jugfile, jugdir))
    common.succeed(common.jug(OURS, "check", jugfile, jugdir))
