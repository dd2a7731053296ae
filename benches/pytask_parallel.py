"""A project of trivial tasks, beside pytask-parallel 0.5.5 with loky, and beside pytask in sequence."""

import os
from pathlib import Path

from benches import common
from benches.common import OURS, Row, Run
from benches.runforrest import peers
from tests.support.pytask_project import DROPIN, install_dropin

TASKS = 200
PAIRS = 5

PROJECT = f"""\
from pathlib import Path
from typing import Annotated

from pytask import Product, task

for number in range({TASKS}):

    @task(id=str(number))
    def task_writes(number=number, path: Annotated[Path, Product] = Path(f"out/{{number}}.txt")):
        path.write_text(str(number))
"""


def built(python: Path, *arguments: str) -> Run:
    """Runs a new project to its end."""
    folder = common.fresh("pytask")
    (folder / "task_module.py").write_text(PROJECT)
    (folder / "pyproject.toml").write_text("[tool.pytask.ini_options]\n")
    install_dropin(folder / "site")
    path = "" if python != OURS else os.pathsep.join([str(DROPIN), str(folder / "site")])
    return common.succeed(common.run([python, "-m", "pytask", *arguments], folder, PYTHONPATH=path))


def main() -> list[Row]:
    """Measures them in turns."""
    theirs, ours = common.alternate(PAIRS, lambda: built(peers(), "-n", "2"), lambda: built(OURS, "-n", "2"))
    sequential, parallel = common.alternate(PAIRS, lambda: built(peers()), lambda: built(OURS, "-n", "2"))
    there, here = (common.median(run.wall for run in runs) for runs in (theirs, ours))
    alone, beside = (common.median(run.wall for run in runs) for runs in (sequential, parallel))
    return [
        Row(f"{TASKS} tasks of pytask, beside pytask-parallel", there, here, "s", 1 / 2),
        Row(f"{TASKS} tasks of pytask, beside sequential ones", alone, beside, "s", 1.2),
    ]
