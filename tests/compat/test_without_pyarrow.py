"""Frames that were stored where pyarrow is installed, in an environment that has pandas and no pyarrow."""

import os
import subprocess
from pathlib import Path

import pytest

import jug
from benches import common
from tests.support.missing import missing

JOBS = """
from jug import TaskGenerator

@TaskGenerator
def frame(as_file):
    import pandas as pd
    return pd.DataFrame({"n": [1, 2], "word": ["x", None]} if as_file else [["x", 1]])

@TaskGenerator
def rows(frame):
    return len(frame)

frames = [frame(True), frame(False)]
counts = [rows(each) for each in frames]
"""
LOAD = """
import sys
import jug
names = jug.init("frames.py", "frames.jugdata")[1]
for each in names["frames"]:
    try:
        print(type(jug.value(each)).__name__, jug.value(each).shape)
    except RuntimeError as error:
        print(error)
"""


@pytest.fixture
def bare(reference: Path) -> Path:
    """An interpreter with pandas and without pyarrow, which finds this package by PYTHONPATH."""
    program = "import importlib.util as u, pandas, sys; sys.exit(bool(u.find_spec('pyarrow')))"
    if subprocess.run([reference, "-c", program], check=False, capture_output=True).returncode:
        missing("the reference has no pandas, or has pyarrow")
    return reference


def run(python: Path, folder: Path, *args: object) -> subprocess.CompletedProcess[str]:
    """What this package does in that environment."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(jug.__file__).parents[1]),
        "PYTHONWARNINGS": "ignore",
    }
    command = [python, *map(str, args)]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_a_frame_stays_and_is_loaded_again_where_pyarrow_is(bare: Path, ours: Path, tmp_path: Path) -> None:
    """Whether it is a Parquet file or a pickle with texts of Arrow, the line names the package."""
    jugfile = tmp_path / "frames.py"
    jugfile.write_text(JOBS)
    common.succeed(common.jug(ours, "execute", jugfile, tmp_path / "frames.jugdata"))
    whole = run(ours, tmp_path, "-c", LOAD)
    assert whole.stdout == "DataFrame (2, 2)\nDataFrame (1, 2)\n"

    lines = run(bare, tmp_path, "-c", LOAD).stdout.splitlines()
    assert len(lines) == 2
    for line in lines:
        assert "the package pyarrow is not installed here (" in line
        assert " when it was stored). The result stays: install it, or 'jug invalidate --unreadable'" in line
    assert "it is a pandas frame, stored as a Parquet file, which needs pyarrow" in lines[0]

    checked = run(bare, tmp_path, "-m", "jug", "fsck", "--repair", "frames.py")
    assert checked.returncode == 0
    assert "2 results were checked by checksum only, and stay: the package pyarrow" in checked.stdout
    assert "made 0 tasks runnable again" in checked.stdout
    assert not (tmp_path / "frames.jugdata" / "quarantine").exists()
    executed = run(bare, tmp_path, "-m", "jug", "execute", "--short", "--will-cite", "frames.py")
    assert executed.stdout.startswith("Executed:  0 tasks\n")
    assert run(ours, tmp_path, "-c", LOAD).stdout == whole.stdout


def test_it_is_computed_without_pyarrow_when_the_user_says_so(bare: Path, ours: Path, tmp_path: Path) -> None:
    """The frames that are made there are read in both environments."""
    jugfile = tmp_path / "frames.py"
    jugfile.write_text(JOBS)
    common.succeed(common.jug(ours, "execute", jugfile, tmp_path / "frames.jugdata"))
    removed = run(bare, tmp_path, "-m", "jug", "invalidate", "--unreadable", "--short", "frames.py")
    assert removed.stdout == "Invalidated:  4 tasks\n** Total: 4 tasks.\n"
    executed = run(bare, tmp_path, "-m", "jug", "execute", "--short", "--will-cite", "frames.py")
    assert executed.stdout.startswith("Executed:  4 tasks\n")
    for python in (bare, ours):
        assert run(python, tmp_path, "-c", LOAD).stdout == "DataFrame (2, 2)\nDataFrame (1, 2)\n"
