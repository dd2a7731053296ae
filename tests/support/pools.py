"""Jugfiles that run in pools, and what became of their tasks."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from tests.support.command import Jug

__all__ = ["BACKENDS", "HEAD", "PROCESSES", "ran", "reports", "value_of"]

#: How each backend is chosen.
PROCESSES = ["processes", "supervised", "loky", "dask", "concurrent.futures:ProcessPoolExecutor"]
BACKENDS = ["threads", *PROCESSES]

HEAD = """
    import os, signal, sys, time
    from jug import TaskGenerator, barrier, bvalue, value

    def note(what):
        with open("ran.log", "a") as log:
            log.write(f"{what} {os.getpid()}\\n")
"""


def ran(jug: Jug) -> Counter[str]:
    """How many times each task ran."""
    return Counter(line.split()[0] for line in (jug.folder / "ran.log").read_text().splitlines())


def value_of(jug: Jug, name: str) -> Any:
    """The value of a task, or several, to which this name of the jugfile leads."""
    code = f"import jug; print(repr(jug.value(jug.init('jugfile.py', 'jugfile.jugdata')[1][{name!r}])))"
    done = jug.python(code)
    assert done.returncode == 0, done.stderr
    return eval(done.stdout)


def reports(jug: Jug) -> dict[str, Any]:
    """What is known of each failure, by the arguments of its task."""
    found = json.loads(jug("failures", "--json").stdout)["failures"]
    return {failure["arguments"]: failure for failure in found}
