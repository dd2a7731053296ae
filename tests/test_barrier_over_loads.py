"""What a load of a jugfile leaves for the next one: what its barriers need not ask again, and no tasks."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path
from typing import Any

import pytest

from jug import task
from jug.backends.native_store import native_store
from jug.configuration import Options, default_options
from jug.engine.drift import Drift, load_steadily
from jug.engine.session.native import NativeSession
from jug.engine.task_graph import graph_of
from jug.engine.worker.end_time import EndTime
from jug.engine.worker.execute import run_tasks
from jug.engine.worker.state import ExecutionState
from jug.errors import UserError
from tests.support.redis_server import RedisServer

JUGFILE = """
from jug import TaskGenerator, barrier

@TaskGenerator
def f(i):
    return i

for block in range(4):
    for i in range(10):
        f(10 * block + i)
    barrier()
"""

REMOVE = """
import sys, jug
jug.set_jugdir({address!r})
assert jug.task.Task.store.remove(sys.argv[1])
"""


@pytest.fixture(params=["jugdir", "redis"])
def address(request: pytest.FixtureRequest, jug_clean: Path) -> str:
    """A native store; the jugfile is in the working directory."""
    Path("jugfile.py").write_text(JUGFILE)
    if request.param == "redis":
        server: RedisServer = request.getfixturevalue("redis_server")
        return server.url
    return str(jug_clean / "jd")


class Loads:
    """The loads of that jugfile by one command."""

    def __init__(self, address: str) -> None:
        self.options = Options(default_options)
        self.options.update({"jugfile": "jugfile.py", "jugdir": address})
        self.drift = Drift()
        self.store: Any = None

    def next(self) -> bool:
        """Loads it once more; whether a barrier ended that."""
        loaded = load_steadily(self.options, self.store, self.drift)
        self.store = loaded.store
        return loaded.has_barrier

    def run(self) -> None:
        """Runs what has no result, and notes the load."""
        for t in task.alltasks:
            if not t.can_load():
                t.run()
        self.drift.ended(task.alltasks)

    def work(self) -> ExecutionState:
        """The same by a worker; what it did."""
        state = ExecutionState()
        state.before = self.drift.before
        assert not run_tasks(task.alltasks, self.options, state)
        self.drift.ended(task.alltasks, state.graph)
        state.graph = None
        return state


def test_no_barrier_asks_for_what_held_in_the_load_before(address: str, monkeypatch: pytest.MonkeyPatch):
    asked: list[int] = []
    last_absent = native_store.last_absent
    monkeypatch.setattr(
        native_store, "last_absent", lambda self, keys: (asked.append(len(keys)), last_absent(self, keys))[1]
    )
    loads = Loads(address)
    by_load = []
    while loads.next():
        by_load.append(asked[:])
        asked.clear()
        loads.run()
    assert [*by_load, asked] == [[10], [10, 10], [10, 10], [10, 10], [10]]


def test_a_result_that_is_removed_between_two_loads_is_missed(address: str):
    Path("remove.py").write_text(REMOVE.format(address=address))
    loads = Loads(address)
    for _ in range(3):
        assert loads.next()
        loads.run()
    first = task.alltasks[0]
    subprocess.run([sys.executable, "remove.py", first.hash().decode()], check=True)
    # For so long what was read may be used unread.
    time.sleep(0.1)
    assert loads.next()
    assert len(task.alltasks) == 10
    assert not task.alltasks[0].can_load()


def test_a_worker_asks_only_for_what_no_barrier_had_asked_for(address: str, monkeypatch: pytest.MonkeyPatch):
    asked: list[int] = []
    present = NativeSession.__init__

    def init(self: Any, store: Any, native: Any) -> None:
        present(self, store, native)
        ask = self.present
        self.present = lambda keys: (asked.append(len(keys)), ask(keys))[1]

    monkeypatch.setattr(NativeSession, "__init__", init)
    loads = Loads(address)
    first = []
    while loads.next():
        asked.clear()
        loads.work()
        first.append(asked[0])
    assert first == [10, 20, 20, 20]


def test_a_result_that_is_removed_after_the_barriers_of_a_load_is_made_again(address: str):
    Path("remove.py").write_text(REMOVE.format(address=address))
    loads = Loads(address)
    for _ in range(3):
        assert loads.next()
        loads.work()
    assert loads.next()
    first = task.alltasks[0]
    subprocess.run([sys.executable, "remove.py", first.hash().decode()], check=True)
    executed = loads.work().executed
    assert first.can_load()
    assert executed.total() == 11


def test_what_is_another_task_at_the_same_place_by_the_end_of_a_load_is_asked_for(address: str):
    head = "import sys\nfrom pathlib import Path\nfrom jug import TaskGenerator, barrier, task\n"
    head += "@TaskGenerator\ndef f(i):\n    return i\n\n@TaskGenerator\ndef g(i):\n    return i\n\n"
    fs, gs = (f"for i in range(10): {name}(i)\nbarrier()\n" for name in "fg")
    loads = Loads(address)
    for body in (fs, fs + "f(10)\nbarrier()\n", fs + "task.alltasks = []\n" + gs, gs):
        Path("jugfile.py").write_text(head + body)
        assert loads.next()
        for t in task.alltasks:
            if t.f.__name__ == "f" and not t.can_load():
                t.run()
        loads.drift.ended(task.alltasks)
    assert not any(t.can_load() for t in task.alltasks)
    task.alltasks = []


def test_a_task_of_another_class_is_asked_itself_in_each_load(address: str):
    Path("jugfile.py").write_text(
        "from pathlib import Path\nfrom jug import barrier, task\n\n"
        "class Mine(task.Task):\n"
        "    def can_load(self):\n"
        "        return not Path('gone').exists() and super().can_load()\n\n"
        "Mine(abs, -1)\nbarrier()\ntask.Task(abs, -2)\nbarrier()\nPath('past').touch()\n"
    )
    loads = Loads(address)
    for _ in range(2):
        assert loads.next()
        loads.run()
    assert not loads.next()
    assert Path("past").exists()
    loads.drift.ended(task.alltasks)
    Path("gone").touch()
    assert loads.next()
    assert len(task.alltasks) == 1


def test_a_task_that_says_by_itself_that_it_is_done_has_no_result_for_a_worker(address: str):
    Path("jugfile.py").write_text(
        "from jug import barrier, task\n\n"
        "class Mine(task.Task):\n"
        "    def can_load(self):\n"
        "        return True\n\n"
        "Mine(abs, -1)\nbarrier()\ntask.Task(abs, -2)\nbarrier()\ntask.Task(abs, -3)\nbarrier()\n"
    )
    loads = Loads(address)
    assert loads.next()
    task.alltasks[-1].run()
    # As a worker leaves it where the first one failed, or was another worker's.
    loads.drift.ended(task.alltasks, graph_of(task.alltasks, loads.drift.before.recall))
    assert loads.next()
    loads.work()
    assert [task.Task.can_load(t) for t in task.alltasks] == [True] * 3


def test_a_jugfile_that_changes_between_two_loads_is_asked_for_as_a_whole(address: str):
    loads = Loads(address)
    for _ in range(3):
        assert loads.next()
        loads.run()
    Path("jugfile.py").write_text(JUGFILE.replace("f(10 * block + i)", "f(10 * block + i + 1000)"))
    assert loads.next()
    assert len(task.alltasks) == 10


#: What a jugfile may do to its tasks between barriers, after which the last one has to wait for g(3).
CHANGES = {
    "it empties the list": """
for i in range(10): f(i)
barrier()
del task.alltasks[:]
for i in range(10): g(i)
barrier()
""",
    "it replaces the list": """
for i in range(10): f(i)
barrier()
task.alltasks = []
for i in range(10): g(i)
barrier()
""",
    "it sorts the list": """
for i in range(3): f(i)
barrier()
task.alltasks[:0] = [g(2), g(3)]
del task.alltasks[-2:]
barrier()
""",
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_no_barrier_has_asked_for_is_asked_for_in_each_load(address: str, change: str):
    head = "import jug\nfrom jug import TaskGenerator, barrier, task\n"
    head += "@TaskGenerator\ndef f(i):\n    return i\n\n@TaskGenerator\ndef g(i):\n    return i\n"
    Path("jugfile.py").write_text(head + CHANGES[change])
    loads = Loads(address)
    for _ in range(4):
        assert loads.next()
        for t in task.alltasks:
            if not t.can_load() and (t.f.__name__, t.args) != ("g", (3,)):
                t.run()
        loads.drift.ended(task.alltasks)
    assert [t.args for t in task.alltasks if not t.can_load()] == [(3,)]
    task.alltasks = []


def test_a_jugfile_that_another_one_loads_knows_nothing_of_its_load_before(address: str):
    head = "from pathlib import Path\nimport jug\nfrom jug import TaskGenerator, barrier\n"
    head += "@TaskGenerator\ndef f(i):\n    return i\n\n"
    Path("inner.py").write_text(head + "f(10), f(11)\nbarrier()\nPath('past').touch()\n")
    # The outer one has as many tasks with results as the inner one has tasks.
    outer = f"f(1), f(2)\nbarrier()\njug.init('inner.py', {address!r})\nf(3)\nbarrier()\n"
    Path("jugfile.py").write_text(head + outer)
    loads = Loads(address)
    for _ in range(3):
        loads.next()
        for t in task.alltasks:
            if not t.can_load() and t.args[0] < 10:
                t.run()
        loads.drift.ended(task.alltasks)
    assert not Path("past").exists()


def test_a_task_without_an_identity_at_the_end_of_a_load_is_one_line(jug_clean: Path):
    Path("jugfile.py").write_text(JUGFILE)
    loads = Loads("jd")
    loads.next()
    task.Task(len, threading.Lock())
    with pytest.raises(UserError, match="argument 1 is a lock"):
        loads.drift.ended(task.alltasks)


def test_a_worker_leaves_no_task_of_its_load_for_the_garbage_collector(jug_clean: Path):
    """The next load makes as many, and both together would take twice the memory."""
    Path("jugfile.py").write_text(JUGFILE)
    loads = Loads("jd")
    loads.next()
    state = ExecutionState()
    state.before = loads.drift.before
    state.end_time = EndTime(time.time() + 3600)
    gc.disable()
    try:
        assert not run_tasks(task.alltasks, loads.options, state)
        left = [weakref.ref(t) for t in task.alltasks]
        loads.drift.ended(task.alltasks, state.graph)
        state.graph = None
        loads.next()
        assert [ref() for ref in left] == [None] * 10
    finally:
        gc.enable()


def test_the_garbage_collector_is_as_it_was_when_it_has_looked_once(jug_clean: Path):
    Path("jugfile.py").write_text(JUGFILE)
    gc.collect()
    before = gc.get_threshold()
    loads = Loads("jd")
    for _ in range(2):
        loads.next()
        loads.run()
    now = gc.get_threshold()
    assert before[0] <= now[0] <= gc.get_count()[0] + 2 * before[0]
    gc.collect()
    assert gc.get_threshold() == before
    gc.collect()
    assert gc.get_threshold() == before


@pytest.mark.parametrize("thresholds", [(0, 10, 10), (300, 10, 10), (200_000, 50, 50)])
def test_what_a_jugfile_sets_the_garbage_collector_to_stays(jug_clean: Path, thresholds: Any):
    Path("jugfile.py").write_text(
        f"import gc\ngc.callbacks.clear()\ngc.set_threshold(*{thresholds})\n{JUGFILE}"
    )
    before, callbacks = gc.get_threshold(), [*gc.callbacks]
    loads = Loads("jd")
    try:
        for _ in range(2):
            loads.next()
            assert gc.get_threshold() == thresholds
            gc.collect()
            assert gc.get_threshold() == thresholds
            loads.run()
        Path("jugfile.py").write_text(JUGFILE)
        gc.set_threshold(*before)
        loads.next()
        gc.set_threshold(*thresholds)
        gc.collect()
        assert gc.get_threshold() == thresholds
    finally:
        gc.set_threshold(*before)
        gc.callbacks[:] = callbacks
