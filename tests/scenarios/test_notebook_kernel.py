"""What a notebook shows in a real kernel."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import notebook
from tests.support.notebook import Shown


@pytest.fixture
def run_cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Shown]]:
    """Runs cells in a new folder."""
    monkeypatch.setenv("HOME", str(tmp_path))
    return functools.partial(notebook.run_cells, tmp_path)


RUN = "jug.jug.execution_loop({}, jug.options.default_options)"


def test_a_jugfile_is_opened_run_and_looked_at(tmp_path: Path, run_cells: Callable[..., list[Shown]]) -> None:
    (tmp_path / "walks.py").write_text(
        "from jug import TaskGenerator\n\n"
        "@TaskGenerator\ndef double(x):\n    return 2 * x\n\n"
        "out = [double(x) for x in range(3)]\n"
    )
    shown, ran, value, again = run_cells(
        "import jug\n_, names = jug.init('walks.py')\nnames['out']",
        RUN.format("jug.task.alltasks"),
        "jug.value(names['out']), jug.task.alltasks",
        "_, names = jug.init('walks.py')\njug.value(names['out']), len(jug.task.alltasks)",
    )
    assert shown[1].splitlines()[0] == "[Task(walks.double, args=(0,), kwargs={}),"
    assert ran == ("", "False", "")
    assert value[1] == "([0, 2, 4], [])"
    assert again == ("", "([0, 2, 4], 3)", "")


def test_functions_of_cells_are_run_redefined_and_fail_with_their_own_lines(
    run_cells: Callable[..., list[Shown]],
) -> None:
    define = "@jug.TaskGenerator\ndef inc(x):\n    return x + {}\na = [inc(x) for x in range({})]\n"
    first, second, failed, quit, interrupted, after = run_cells(
        "import jug, os, signal, time\njug.set_jugdir('cells')\n"
        + define.format(1, 2)
        + RUN.format("a")
        + "\njug.value(a), len(a)",
        # What was computed is found, and what was not is computed by the new function.
        define.format(100, 3) + RUN.format("a") + "\njug.value(a)",
        "@jug.TaskGenerator\ndef bad(x):\n    raise ValueError('no')\n" + RUN.format("[bad(1)]"),
        "@jug.TaskGenerator\ndef leave(x):\n    raise SystemExit(0)\n" + RUN.format("[leave(1)]"),
        # As the button that interrupts the kernel does.
        "@jug.TaskGenerator\ndef slow(x):\n    os.kill(os.getpid(), signal.SIGINT)\n    time.sleep(1)\n"
        "    return x\n" + RUN.format("[slow(1)]"),
        "b = inc(50)\n" + RUN.format("[b]") + "\njug.value(b)",
    )
    assert first == ("", "([1, 2], 2)", "")
    assert second[0].count("__main__.inc was defined once more") == 1
    assert second[1:] == ("[1, 2, 102]", "")
    assert failed[0] == "jug: task __main__.bad(1) failed: ValueError: no\n"
    assert failed[2].endswith("ValueError: no")
    assert "in bad(x)" in failed[2]
    assert "engine" not in failed[2]
    assert "TaskQuit: task __main__.leave raised SystemExit" in quit[2]
    assert "in leave(x)" in quit[2]
    assert "engine" not in quit[2]
    assert "KeyboardInterrupt" in interrupted[2]
    assert "failed" not in interrupted[0]
    assert after == ("", "150", "")
