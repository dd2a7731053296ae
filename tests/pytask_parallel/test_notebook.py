"""pytask.build in a notebook."""

from __future__ import annotations

import pytest

from tests.support.notebook import run_cells

TASKS = """
import os, time
from pathlib import Path
from typing import Annotated
import pytask
from pytask import Product, task

HERE = Path.cwd()
FACTOR = 2

@task
def task_first(path: Annotated[Path, Product] = HERE / "first.txt"):
    print("printed in a worker")
    path.write_text(f"{21 * FACTOR} {os.getpid()}")

@task
def task_second(source=HERE / "first.txt", path: Annotated[Path, Product] = HERE / "second.txt"):
    path.write_text(f"{source.read_text().split()[0]} {os.getpid()}")

@task
def task_crashes(path: Annotated[Path, Product] = HERE / "third.txt"):
    print("before the end")
    os.kill(os.getpid(), 11)
"""

BUILD = """
session = pytask.build(
    tasks=[task_first, task_second, task_crashes], n_workers=2, parallel_backend={backend!r}, paths=HERE
)
"""


@pytest.mark.parametrize("backend", ["loky", "processes", "jug"])
def test_tasks_of_cells_run_in_workers_and_a_crash_leaves_the_kernel(project, monkeypatch, backend):
    """In pytask-parallel 0.5.5 a crash fails all tasks that run and all that come later."""
    _, environment = project.command()
    monkeypatch.setenv("PYTHONPATH", environment["PYTHONPATH"])
    monkeypatch.setenv("HOME", str(project.folder))
    _, built, values, workers, raised = run_cells(
        project.folder,
        TASKS,
        BUILD.format(backend=backend),
        "{it.task.name.rpartition('::')[2]: it.outcome.name for it in session.execution_reports}",
        "[int(Path(name).read_text().split()[1]) == os.getpid() for name in ('first.txt', 'second.txt')]",
        "[str(it.exc_info[1]) for it in session.execution_reports if it.exc_info]",
    )
    wanted = {"task_first": "SUCCESS", "task_second": "SUCCESS", "task_crashes": "FAIL"}
    assert eval(values[1]) == wanted, built
    assert raised[1] == "['the task was killed by SIGSEGV']"
    assert (project.folder / "second.txt").read_text().split()[0] == "42"
    assert workers[1] == "[False, False]"
