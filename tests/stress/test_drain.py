"""What a task costs in system calls and in files."""

import shutil
import subprocess
from pathlib import Path

import pytest

from benches import common, drain
from benches.common import OURS
from tests.support.missing import missing

TASKS = 2000


def need_strace() -> None:
    if shutil.which("strace") is None:
        missing("strace is not installed")


def test_a_task_costs_at_most_a_twentieth_of_an_fsync(tmp_path: Path) -> None:
    """Results are synced in groups: one worker, no-op tasks, counted by strace."""
    need_strace()
    jugfile = drain.write_jugfile(tmp_path, TASKS)
    syncs = common.syncs(OURS, jugfile, tmp_path / "results", tmp_path)
    assert syncs is not None
    assert syncs <= TASKS * 0.05
    assert syncs > 0, "results that are never synced are not stored"


def test_to_say_what_runs_costs_no_system_call(tmp_path: Path) -> None:
    """Calls that name the file in which a worker says what it runs: however many tasks, a handful."""
    need_strace()
    if kind_of_filesystem(tmp_path) not in ("ext2/ext3", "xfs", "tmpfs", "ramfs"):
        pytest.skip("on this filesystem it is written with calls")
    jugfile, trace = drain.write_jugfile(tmp_path, TASKS), tmp_path / "trace.txt"
    command = ["strace", "-f", "-y", "--seccomp-bpf", "-e", "trace=%desc,%file", "-o", trace]
    jug = [OURS.parent / "jug", "execute", "--will-cite", "--jugdir", tmp_path / "results", jugfile]
    common.succeed(common.run([*command, *jug], tmp_path))
    calls = [line for line in trace.read_text().splitlines() if "/slot-" in line]
    assert any("mmap" in call for call in calls)
    assert len(calls) < 20


def kind_of_filesystem(path: Path) -> str:
    return subprocess.run(
        ["stat", "-f", "-c", "%T", path], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_a_jugdir_grows_with_its_workers_and_not_with_its_tasks(tmp_path: Path) -> None:
    """Ten times the tasks, the same number of files, beside the 64 at most that claims are spread over."""
    counts = []
    for tasks in (100, 1000):
        directory = tmp_path / str(tasks)
        directory.mkdir()
        jugfile = drain.write_jugfile(directory, tasks)
        common.succeed(common.jug(OURS, "execute", jugfile, directory / "results"))
        claims = common.inodes(directory / "results" / "claims")
        assert claims <= 1 + 64
        counts.append(common.inodes(directory / "results") - claims)
    assert counts[0] == counts[1]


def test_looking_creates_nothing(tmp_path: Path) -> None:
    """status, check and count of a jugfile that never ran leave no jugdir behind."""
    jugfile = drain.write_jugfile(tmp_path, 10)
    for command, exit_status in (("status", 1), ("check", 1), ("count", 0)):
        common.succeed(common.jug(OURS, command, jugfile, tmp_path / "results"), exit_status)
    assert not (tmp_path / "results").exists()


def test_looking_changes_nothing(tmp_path: Path) -> None:
    """status, check and count of a finished jugdir, and an execute with nothing to do, write no file."""
    jugfile = drain.write_jugfile(tmp_path, 10)
    jugdir = tmp_path / "results"
    common.succeed(common.jug(OURS, "execute", jugfile, jugdir))
    before = contents(jugdir)
    for command in ("status", "check", "count", "execute"):
        common.succeed(common.jug(OURS, command, jugfile, jugdir))
    assert contents(jugdir) == before


def contents(directory: Path) -> dict[Path, bytes]:
    """Every file of a directory with its bytes."""
    return {path: path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file()}
