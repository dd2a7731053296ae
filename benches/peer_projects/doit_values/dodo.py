"""Tasks whose values doit keeps in its own database, and which it runs once."""

from doit import get_var
from doit.tools import run_once

DOIT_CONFIG = {"default_tasks": ["odd"]}


def odd(i):
    return {"value": 2 * i + 1}


def task_odd():
    for i in range(int(get_var("tasks"))):
        yield {"name": str(i), "actions": [(odd, [i])], "uptodate": [run_once]}


def task_total():
    return {
        "actions": [lambda values: print(sum(values.values()))],
        "getargs": {"values": ("odd", "value")},
        "uptodate": [False],
        "verbosity": 2,
    }
