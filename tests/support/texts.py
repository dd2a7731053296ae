"""A jugfile whose results can be found in the files of its jugdir, and what `jug status` says of it."""

from pathlib import Path

from benches.common import Run

TASKS = 40

# The results are texts that can be found in the file, whatever its format is. They do not compress.
JUGFILE = """\
import hashlib

from jug import TaskGenerator


@TaskGenerator
def make(i, size):
    digest = hashlib.sha512(str(i).encode()).hexdigest()
    return digest + hashlib.shake_128(digest.encode()).hexdigest(size)


results = [make(i, {size}) for i in range({tasks})]
"""


def write_jugfile(directory: Path, size: int) -> Path:
    """A jugfile whose results have about so many bytes."""
    path = directory / "texts.py"
    path.write_text(JUGFILE.format(size=size // 2, tasks=TASKS))
    return path


def columns(status: Run) -> list[int]:
    """Failed, Waiting, Ready, Complete, Active of the Total row."""
    row = next(line.split() for line in status.stdout.splitlines() if line.rstrip().endswith("Total"))
    return [int(cell) for cell in row[:5]]
