"""A filesystem without hard links, as strace makes the kernel say: claims are files, the rest works too."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from benches import common
from benches.common import OURS

TASKS = 60
JUGFILE = """
import time
from jug import TaskGenerator

@TaskGenerator
def work(number):
    time.sleep(.005)
    with open('ran', 'a') as file:
        file.write(f'{number}\\n')
    return number

done = [work(number) for number in range(60)]
"""


@pytest.mark.parametrize("missing", ["linkat", "linkat,renameat2"])
def test_workers_share_a_jugdir_where_there_are_no_hard_links(tmp_path: Path, missing: str) -> None:
    """Nor, in the second case, a way to rename that replaces nothing: it is created, used, and packed."""
    if shutil.which("strace") is None:
        pytest.skip("there is no strace")
    (tmp_path / "jugfile.py").write_text(JUGFILE)
    trace = ["strace", "-ff", "-o", tmp_path / "trace", "-e", f"trace={missing}"]
    for call in missing.split(","):
        trace += ["-e", f"inject={call}:error={'EPERM' if call == 'linkat' else 'EINVAL'}"]
    command = [*trace, OURS.parent / "jug", "execute", "--will-cite", "--claims=link", "--no-pack"]
    workers = [subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    for worker in workers:
        _, err = worker.communicate(timeout=120)
        assert (worker.returncode, err) == (0, "")
    # One file for each thread: what writes to the same file writes over what others wrote.
    traced = "".join(path.read_text() for path in tmp_path.glob("trace.*"))
    assert missing.split(",")[-1] + "(" in traced
    assert sorted(map(int, (tmp_path / "ran").read_text().split())) == list(range(TASKS))
    jugdir = tmp_path / "jugfile.jugdata"
    packed = common.run([*trace, OURS.parent / "jug", "pack", "--force"], tmp_path)
    assert packed.exit_status == 0, packed.stderr
    assert list(jugdir.glob("packs/MANIFEST-*"))
    assert not list(jugdir.glob("segments/*"))
    assert common.run([OURS.parent / "jug", "fsck"], tmp_path).exit_status == 0
    # What a repair keeps cannot have a second name there.
    (manifest,) = jugdir.glob("packs/MANIFEST-*")
    manifest.write_bytes(b"")
    repaired = common.run([*trace, OURS.parent / "jug", "fsck", "--repair"], tmp_path)
    assert (repaired.exit_status, repaired.stderr) == (1, "")
    assert "made a new manifest of all packs that are there (1)" in repaired.stdout
    assert (jugdir / "quarantine" / manifest.name).read_bytes() == b""
    assert common.run([OURS.parent / "jug", "fsck"], tmp_path).exit_status == 0
    assert common.run([OURS.parent / "jug", "check"], tmp_path).exit_status == 0
