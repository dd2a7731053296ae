"""The examples do what they say, with one worker and with three, and run each task exactly once."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT

EXAMPLES = ROOT / "examples"
JUG = Path(sys.executable).parent / "jug"


def jug(directory: Path, *arguments: str) -> subprocess.Popen[str]:
    """Starts a jug command in the directory."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("JUG_")} | {"HOME": str(directory)}
    return subprocess.Popen(
        [JUG, *arguments],
        cwd=directory,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def run_example(name: str, workers: int, directory: Path) -> tuple[int, int]:
    """Runs an example with so many workers at once.

    Returns how many tasks they ran, all together, and how many tasks the jugfile has.
    """
    arguments = [str(EXAMPLES / name), "--jugdir", "results"]
    processes = [jug(directory, "execute", "--will-cite", *arguments) for _ in range(workers)]
    executed = 0
    for process in processes:
        out, err = process.communicate(timeout=240)
        assert process.returncode == 0, err
        executed += total_of(out)
    status = jug(directory, "status", *arguments)
    out, _ = status.communicate(timeout=60)
    assert status.returncode == 0
    return executed, total_of(out, column=3)


def total_of(table: str, column: int = 0) -> int:
    """A number in the last row of a summary table."""
    rows = [line.split() for line in table.splitlines()]
    totals = [row for row in rows if row[-1:] == ["Total"]]
    assert len(totals) == 1, table
    return int(totals[0][column])


@pytest.mark.parametrize("workers", [1, 3])
def test_primes_counts_the_primes_below_100(workers: int, tmp_path: Path) -> None:
    """98 numbers, 10 counts and one report; there are 25 such primes."""
    assert run_example("primes.py", workers, tmp_path) == (98 + 10 + 1, 109)
    lines = (tmp_path / "primes.txt").read_text().splitlines()
    assert [int(line.split(": ")[1]) for line in lines] == [4, 4, 2, 2, 3, 2, 2, 3, 2, 1, 25]


@pytest.mark.parametrize("workers", [1, 3])
def test_wordcount_counts_every_word_of_the_standard_library(workers: int, tmp_path: Path) -> None:
    """The totals agree with a count by other means: no task is lost, none is added twice."""
    executed, tasks = run_example("wordcount.py", workers, tmp_path)
    head, first, *rest = (tmp_path / "wordcount.txt").read_text().splitlines()
    library = Path(os.__file__).parent
    files = [path for pattern in ("*.py", "LICENSE*") for path in library.glob(pattern) if path.exists()]
    words = [
        word for path in files for word in re.findall("[a-z]+", path.read_text("utf-8", "replace").lower())
    ]
    assert head == f"{len(files)} files, {len(words)} words, {len(set(words))} different ones"
    assert first.split() == [str(words.count("self")), "self"]
    assert len(rest) == 19
    assert executed == tasks


@pytest.mark.parametrize("workers", [1, 3])
def test_sweep_refines_the_best_pair_of_the_coarse_grid(workers: int, tmp_path: Path) -> None:
    """12 coarse and 8 fine pairs (the ninth is the winner again), two choices, split, test and report."""
    pytest.importorskip("sklearn")
    assert run_example("sweep.py", workers, tmp_path) == (12 + 8 + 2 + 3, 26)
    coarse, fine, accuracy = (tmp_path / "sweep.txt").read_text().splitlines()
    c, gamma = (float(part.split("=")[1]) for part in coarse.split()[2:])
    fine_c, fine_gamma = (float(part.split("=")[1]) for part in fine.split()[2:])
    factors = [pytest.approx(0.5), pytest.approx(1.0), pytest.approx(2.0)]
    assert fine_c / c in factors
    assert fine_gamma / gamma in factors
    assert float(accuracy.split()[-1]) > 0.95
