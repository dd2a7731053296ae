"""Barriers while a jugfile loads: what they ask the store for, and what they notice."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import jug
from jug import task
from jug.backends.native_store import native_store
from tests.support.redis_server import RedisServer

_HEAD = """
import subprocess, sys, time
import jug
from jug import TaskGenerator, barrier, bvalue, task

@TaskGenerator
def f(i):
    return i

"""

#: Removes the first result from another process, and waits for as long as what was read may be used unread.
_REMOVE_ELSEWHERE = """
subprocess.run([sys.executable, "remove.py", first.hash().decode()], check=True)
time.sleep(0.1)
"""

_REMOVE = """
import sys, jug
jug.set_jugdir({address!r})
assert jug.task.Task.store.remove(sys.argv[1])
"""


@pytest.fixture(params=["jugdir", "redis"])
def address(request: pytest.FixtureRequest, jug_clean: Path) -> str:
    """A native store, in a directory of its own as the working directory."""
    if request.param == "redis":
        server: RedisServer = request.getfixturevalue("redis_server")
        address = server.url
    else:
        address = str(jug_clean / "jd")
    (jug_clean / "remove.py").write_text(_REMOVE.format(address=address))
    return address


def load(body: str, address: str) -> bool:
    """Loads a jugfile of these lines; whether a barrier ended it."""
    Path("jugfile.py").write_text(_HEAD + body)
    _, jugspace = jug.init("jugfile.py", address, on_error="propagate")
    return bool(jugspace.get("__jug__hasbarrier__"))


def store_results(body: str, address: str) -> None:
    """Runs the tasks of these lines."""
    while load(body, address):
        for t in task.alltasks:
            t.run()


def test_a_barrier_asks_only_for_what_is_new_since_the_last_one_that_held(
    address: str, monkeypatch: pytest.MonkeyPatch
):
    body = "for _ in range(20):\n    for i in range(10):\n        f(10 * _ + i)\n    barrier()\n"
    store_results(body, address)
    asked: list[int] = []
    last_absent = native_store.last_absent
    monkeypatch.setattr(
        native_store, "last_absent", lambda self, keys: (asked.append(len(keys)), last_absent(self, keys))[1]
    )
    assert not load(body, address)
    assert asked == [10] * 20


@pytest.mark.parametrize(
    "remove",
    ["first.invalidate()\n", "task.Task.store.remove(first.hash())\n", _REMOVE_ELSEWHERE],
    ids=["by its method", "from the store", "by another process"],
)
def test_a_result_that_is_removed_between_two_barriers_is_missed_by_the_second(address: str, remove: str):
    body = "first = f(1)\nbarrier()\n{}f(2)\nbarrier()\n"
    store_results(body.format(""), address)
    assert load(body.format(remove), address)
    for t in task.alltasks:
        t.run()
    assert load("first = f(1)\nbarrier()\n" + remove + "barrier()\n", address)


def test_what_is_stored_and_removed_again_is_asked_for_again(address: str):
    body = (
        "first = f(1)\nbarrier()\nfirst.invalidate()\nfirst.run()\nbarrier()\nfirst.invalidate()\nbarrier()\n"
    )
    store_results("first = f(1)\nbarrier()\n", address)
    assert load(body, address)


def test_a_barrier_behind_another_store_asks_for_all_tasks(address: str):
    store_results("f(1)\nbarrier()\n", address)
    assert load("f(1)\nbarrier()\njug.set_jugdir('another')\nbarrier()\n", address)


def test_a_barrier_asks_for_what_stands_in_the_place_of_tasks_that_were_taken_out(address: str):
    store_results("f(1), f(2)\nbarrier()\n", address)
    assert load("f(1), f(2)\nbarrier()\ndel task.alltasks[:]\nf(3), f(4)\nbarrier()\n", address)
    assert load("f(1), f(2)\nbarrier()\ntask.alltasks = []\nf(3), f(4)\nbarrier()\n", address)
    task.alltasks = []


def test_a_class_of_tasks_that_answers_itself_is_asked(address: str):
    body = """
class Never(task.Task):
    def can_load(self, store=None):
        return False

f(1)
barrier()
Never(f.f, 1)
barrier()
"""
    store_results("f(1)\nbarrier()\n", address)
    assert load(body, address)


def test_what_another_jugfile_made_does_not_count(address: str):
    store_results("f(1)\nbarrier()\n", address)
    Path("other.py").write_text(_HEAD + "f(5)\n")
    jug.init("other.py", address, on_error="propagate")
    assert not load("f(1)\nbarrier()\nf(1)\nbarrier()\n", address)


def test_a_command_gets_past_many_barriers(jug_clean: Path):
    Path("jugfile.py").write_text(_HEAD + "for i in range(30):\n    f(i)\n    f(i + 1)\n    barrier()\n")
    done = subprocess.run([sys.executable, "-m", "jug", "execute"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    status = subprocess.run([sys.executable, "-m", "jug", "status"], capture_output=True, text=True)
    assert "60" in status.stdout
