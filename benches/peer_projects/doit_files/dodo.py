"""Tasks with a file each for their results, which doit runs once."""

from pathlib import Path

from doit import get_var
from doit.tools import run_once

DOIT_CONFIG = {"default_tasks": ["odd"]}
Path("results").mkdir(exist_ok=True)


def write_odd(i, targets):
    Path(targets[0]).write_text(str(2 * i + 1))


def task_odd():
    for i in range(int(get_var("tasks"))):
        yield {
            "name": str(i),
            "actions": [(write_odd, [i])],
            "targets": [f"results/{i}"],
            "uptodate": [run_once],
        }


def task_total():
    return {
        "actions": [lambda: print(sum(int(path.read_text()) for path in Path("results").iterdir()))],
        "task_dep": ["odd"],
        "uptodate": [False],
        "verbosity": 2,
    }
