"""``jug.status``: where the tasks of a notebook stand."""

from __future__ import annotations

from pathlib import Path

import pytest

import jug
from jug.jug import execution_loop
from jug.monitor.table import status
from jug.options import default_options
from jug.task import Task
from tests.internal.test_html import Texts
from tests.support.command import Jug


def bad(x: int) -> int:
    """Fails."""
    raise ValueError(f"no <{x}>")


def test_it_shows_what_the_command_prints(jug_clean: Path) -> None:
    command = Jug(jug_clean)
    command.write(
        """
        import jug

        @jug.TaskGenerator
        def work(x, *needed):
            return x

        @jug.TaskGenerator
        def bad(x):
            raise ValueError(x)

        for i in range(3):
            work(i, work(0), bad(i % 2))
        work(7)
        """
    )
    assert command("execute", "--keep-going").returncode == 1
    jug.init("jugfile.py", "jugfile.jugdata")
    shown = repr(jug.status())
    printed = command("status").stdout
    assert shown.splitlines() == [line.rstrip() for line in printed.rstrip().splitlines()]
    cells = Texts(jug.status()._repr_html_()).texts
    assert cells[:6] == ["Task name", "Failed", "Waiting", "Ready", "Complete", "Active"]
    rows = [line.split() for line in shown.splitlines() if "jugfile." in line or "Total" in line]
    assert cells[6:24] == [cell for *counts, name in rows for cell in (name, *counts)]


def test_tasks_are_counted_with_what_they_need_and_nothing_else(jug_clean: Path) -> None:
    jug.set_jugdir("jugdata")
    first = Task(abs, -1)
    second = Task(abs, first)
    Task(abs, -2)
    first.run()
    found = status({"there": [second[0]]})
    assert (found.complete["builtins.abs"], found.ready["builtins.abs"]) == (1, 1)
    assert not found.is_complete
    assert status().ready.total() == 2
    second.run()
    assert status(second).is_complete
    assert status([]).is_complete


def test_failures_are_shown_the_same_once(jug_clean: Path) -> None:
    jug.set_jugdir("jugdata")
    for x in range(3):
        Task(bad, x)
    Task(bad, 0)
    options = default_options.copy()
    options.update({"execute_keep_going": True})
    execution_loop(list(jug.task.alltasks), options)
    found = status()
    # Those that are not marked are tried again.
    assert (found.failed.total(), found.ready.total()) == (0, 4)
    assert [str(it) for it in found.failures[:1]] == [
        f"task {__name__}.bad(0) failed: ValueError: no <0>",
    ]
    texts = Texts(found._repr_html_()).texts
    assert f"task {__name__}.bad(0) failed: ValueError: no <0>" in texts
    assert any("raise ValueError" in text for text in texts)


def test_tasks_of_several_stores_are_counted_together(jug_clean: Path) -> None:
    jug.set_jugdir("one")
    Task(abs, -1).run()
    jug.set_jugdir("dict_store")
    Task(abs, -1)
    found = status()
    assert (found.complete.total(), found.ready.total()) == (1, 1)


def test_without_a_store_it_says_what_to_do(jug_clean: Path) -> None:
    Task.store = None
    with pytest.raises(RuntimeError, match=r"^no jugdir is open: call jug\.init"):
        status(Task(abs, -1))
