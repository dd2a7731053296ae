"""Packing while workers run, packers that are killed, and bits that flip in what was packed."""

import random
import signal
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benches import common
from benches.common import OURS

JUGFILE = """\
import os

from jug import TaskGenerator, barrier, value

LOG = os.environ.get("PACK_LOG", os.devnull)


@TaskGenerator
def work(i, before):
    log = os.open(LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.write(log, f"{i}\\n".encode())
    os.close(log)
    return i * i


@TaskGenerator
def large(i):
    return (str(i) * 70_000).encode()[:70_000] + os.urandom(70_000)


level = [work(i, None) for i in range(600)]
blobs = [large(i) for i in range(10)]
barrier()
assert [value(t) for t in level] == [i * i for i in range(600)]
after = [work(1000 + i, level[i]) for i in range(600)]
"""


def test_four_workers_run_every_task_once_while_packers_come_and_are_killed(tmp_path: Path) -> None:
    """Workers that end often, `jug pack` in a loop, killed at random: each task once, nothing missing."""
    (tmp_path / "packed_jobs.py").write_text(JUGFILE)
    chance = random.Random(5)
    jug = [str(OURS.parent / "jug")]
    common_options = ["--jugdir", "results", "packed_jobs.py"]

    def start(*command: str, **variables: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*jug, *command, *common_options],
            cwd=tmp_path,
            env=common.environment(PACK_LOG=str(tmp_path / "log.txt"), **variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def worker() -> subprocess.Popen[str]:
        return start("execute", "--will-cite", JUG_MAX_TASKS=str(chance.randrange(20, 120)))

    complaints = []
    workers = [worker() for _ in range(4)]
    packer, kills, packs = start("pack", "--force"), 0, 0
    deadline = time.monotonic() + 60
    while workers and time.monotonic() < deadline:
        time.sleep(chance.uniform(0.01, 0.1))
        for old in [it for it in workers if it.poll() is not None]:
            workers.remove(old)
            out, err = old.communicate()
            if old.returncode != 0:
                complaints.append(err)
            elif "0  Total" not in out:
                workers.append(worker())
        if packer.poll() is None and chance.random() < 0.3:
            packer.send_signal(signal.SIGKILL)
            kills += 1
        if packer.poll() is not None:
            _, err = packer.communicate()
            complaints += [err] if packer.returncode > 0 else []
            packs += packer.returncode == 0
            packer = start("pack", "--force")
    packer.communicate()
    for left in workers:
        left.communicate()
    assert complaints == []
    common.succeed(common.jug(OURS, "execute", tmp_path / "packed_jobs.py", tmp_path / "results"))
    common.succeed(common.jug(OURS, "check", tmp_path / "packed_jobs.py", tmp_path / "results"))
    common.succeed(common.jug(OURS, "fsck", tmp_path / "packed_jobs.py", tmp_path / "results"))
    assert packs + kills > 3
    log = (tmp_path / "log.txt").read_text().split()
    assert len(set(log)) == 1200
    assert len(log) == len(set(log))
    done = common.succeed(
        common.jug(OURS, "pack", tmp_path / "packed_jobs.py", tmp_path / "results", "--force")
    )
    assert "1210 results are in packs" in done.stdout
    assert len(list((tmp_path / "results" / "packs").glob("*.pack"))) == 1


DAMAGED = """\
from jug import TaskGenerator, value


@TaskGenerator
def small(i):
    return f"value {i} " * 20


@TaskGenerator
def large(i):
    import hashlib

    return hashlib.shake_128(str(i).encode()).digest(70_000)


@TaskGenerator
def check(i, text, blob):
    import hashlib

    assert text == f"value {i} " * 20, "a damaged result was handed on"
    assert blob == hashlib.shake_128(str(i).encode()).digest(70_000), "a damaged result was handed on"
    return i


checked = [check(i, small(i), large(i)) for i in range(8)]
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A jugfile whose inputs are stored in segments and blobs, and its dependents not."""
    folder = tmp_path_factory.mktemp("damaged")
    (folder / "damaged.py").write_text(DAMAGED)
    common.succeed(common.jug(OURS, "execute", folder / "damaged.py", folder / "results"))
    common.succeed(
        common.jug(OURS, "invalidate", folder / "damaged.py", folder / "results", "--name", "check")
    )
    return folder


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    flips=st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 7)), min_size=1, max_size=4),
    packed=st.booleans(),
)
def test_flipped_bits_are_found_and_computed_again_in_the_same_run(
    flips: list[tuple[int, int]], packed: bool, results: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever bits flip in segments, packs or blobs: execute ends well and hands no wrong value on."""
    import shutil

    folder = tmp_path_factory.mktemp("flipped")
    shutil.copy(results / "damaged.py", folder)
    shutil.copytree(results / "results", folder / "results")
    jugfile, jugdir = folder / "damaged.py", folder / "results"
    if packed:
        common.succeed(common.jug(OURS, "pack", jugfile, jugdir))
    files = [
        path
        for part in ("segments", "packs", "blobs")
        for path in sorted((jugdir / part).rglob("*"))
        if path.is_file()
    ]
    for position, bit in flips:
        path = files[position % len(files)]
        data = bytearray(path.read_bytes())
        data[position // len(files) % len(data)] ^= 1 << bit
        path.write_bytes(data)
    done = common.jug(OURS, "execute", jugfile, jugdir)
    assert done.exit_status == 0, done.stderr
    assert "Traceback" not in done.stderr
    common.succeed(common.jug(OURS, "check", jugfile, jugdir))
