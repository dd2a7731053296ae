"""Jugfiles whose right values are easily missed: on every store, alone and in company, with --debug.

The jugfiles are in ``tests/edge_cases/jugfiles/``.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command import Jug
from tests.support.redis_server import RedisServer

JUGFILES = Path(__file__).parent / "jugfiles"

#: What `value(out)` is, as a program prints it.
RIGHT = {
    "array_subclass_reduce": "3",
    "arrow_chunks": "[2, 2, 2, 2]",
    "changed_arguments": "[[0, 1, 2], 0.0, 6.0, 32, 3]",
    "extension_array_unit": "['s', 'm']",
    "fields_out_of_order": "[[(2.5, 1), (3.5, 2)], [[(2.5, 1), (3.5, 2)]]]",
    "metaclass_copyreg": "f",
    "never_done": "[0.15866, 3, 3, 5]",
    "polars_nanoseconds": "[250, 800]",
    "tasks_in_containers": "[{0: 4, 1: 10}, 4, 18, 'Job(x=81)']",
}
SHOW = """
import jug, numpy
def plain(x):
    if isinstance(x, list):
        return [plain(y) for y in x]
    if isinstance(x, numpy.ndarray):
        return x.tolist()
    return round(x, 5) if isinstance(x, float) else x
names = jug.init({jugfile!r}, {jugdir!r})[1]
print(plain(jug.value(names["out"] if "out" in names else [names["seconds"], names["metres"]])))
"""


#: Stores, numbers of workers that run at once, and options.
WAYS = {
    "file-1": ("file", 1, ()),
    "file-3": ("file", 3, ()),
    "file-1d": ("file", 1, ("--debug",)),
    "file-3d": ("file", 3, ("--debug",)),
    "redis-3": ("redis", 3, ()),
    "redis-1d": ("redis", 1, ("--debug",)),
}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> tuple[str, int, tuple[str, ...]]:
    return WAYS[request.param]


@pytest.fixture
def jugdir(request: pytest.FixtureRequest, way: tuple[str, int, tuple[str, ...]]) -> str:
    """A store that is empty."""
    if way[0] == "file":
        return "jugdata"
    server: RedisServer = request.getfixturevalue("redis_server")
    return server.url


Run = Callable[..., list[subprocess.CompletedProcess[str]]]


@pytest.fixture
def run(jug: Jug, jugdir: str, way: tuple[str, int, tuple[str, ...]]) -> Run:
    """Runs a jugfile by one worker or by three at once, to their ends."""
    _, workers, options = way

    def execute(
        name: str, *more: str, env: dict[str, str] | None = None
    ) -> list[subprocess.CompletedProcess[str]]:
        shutil.copy(JUGFILES / f"{name}.py", jug.folder)
        command = ("execute", "--will-cite", "--short", *options, *more, f"{name}.py", "--jugdir", jugdir)
        started = [jug.start(*command, env=env) for _ in range(workers)]
        ended = []
        for process in started:
            out, err = process.communicate(timeout=120)
            ended.append(subprocess.CompletedProcess(process.args, process.returncode, out, err))
        return ended

    return execute


def value(jug: Jug, jugdir: str, name: str) -> str:
    """What `value(out)` is in a process of its own."""
    done = jug.python(SHOW.format(jugfile=f"{name}.py", jugdir=jugdir))
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("name", RIGHT)
def test_a_jugfile_has_its_right_values(jug: Jug, jugdir: str, run: Run, name: str) -> None:
    """And nothing is left to do afterwards."""
    for ended in run(name):
        assert ended.returncode == 0, ended.stderr
    assert value(jug, jugdir, name) == RIGHT[name]
    for ended in run(name):
        assert "Executed:  0 tasks" in ended.stdout


def test_the_value_of_an_enum_that_was_edited_counts(jug: Jug, jugdir: str, run: Run) -> None:
    """The task is another one."""
    for edited in ("1", "2"):
        for ended in run("enum_value_edited", env={"V": edited}):
            assert ended.returncode == 0, ended.stderr
        show = f"import os; os.environ['V'] = {edited!r}\n" + SHOW
        done = jug.python(show.format(jugfile="enum_value_edited.py", jugdir=jugdir))
        assert done.stdout == f"{edited}.0\n", done.stderr


def test_different_functions_of_one_name_are_an_error_before_anything_runs(jug: Jug, run: Run) -> None:
    """It names both places and says what to do."""
    for ended in run("same_name"):
        assert ended.returncode == 1
        assert ended.stdout == ""
        assert "same_name.py:" in ended.stderr
        assert "Traceback" not in ended.stderr


def test_a_result_that_cannot_be_loaded_is_never_complete(jug: Jug, jugdir: str, run: Run) -> None:
    """Its task failed, for every process that looks."""
    for ended in run("unloadable", "--keep-going"):
        assert ended.returncode == 1
        assert "units are not registered" in ended.stderr
    status = jug("status", "--short", "unloadable.py", "--jugdir", jugdir)
    assert "0 complete" in status.stdout
