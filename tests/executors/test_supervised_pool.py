"""The pool whose workers are children of a supervisor."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jug.errors import UserError
from jug.executors.backends import parse_backend, supervised
from jug.executors.base import PlainCall
from jug.executors.coordinator import Coordinator
from jug.executors.endings import LimitBroken, WorkerDied
from jug.executors.flights import Limits
from tests.support.processes import is_alive

SLEEP = "import time; time.sleep(1000)"


def note(folder, name):
    with Path(folder, name).open("a") as file:
        file.write(f"{os.getpid()}\n")


def nothing(folder, name):
    note(folder, name)
    return name


def has_child(folder, name, deed):
    """Starts a process in its group and one in a session of its own, and does what it is to do then."""
    for own in (False, True):
        child = subprocess.Popen([sys.executable, "-c", SLEEP], start_new_session=own)
        Path(folder, f"{name}-child-{own}").write_text(str(child.pid))
    note(folder, name)
    if deed == "hang":
        time.sleep(1000)
    if deed == "exit":
        os._exit(7)
    os.kill(os.getpid(), getattr(signal, deed))


def run(calls, n_workers=2):
    """What became of calls, by name; each is a function with its arguments, and perhaps limits."""
    coordinator = Coordinator(parse_backend("supervised"), n_workers)
    coordinator.open()
    try:
        coordinator.prepare([it[0] for it in calls.values()])
        coordinator.submit(
            [
                (name, PlainCall(name, function, args), limits[0] if limits else Limits())
                for name, (function, args, *limits) in calls.items()
            ]
        )
        found = {}
        while coordinator.in_flight():
            found.update((it.token, it.outcome) for it in coordinator.wait(60))
        return found
    finally:
        coordinator.close()


@pytest.mark.parametrize(
    ("deed", "kind", "number"),
    [("SIGSEGV", "signal", 11), ("SIGKILL", "signal", 9), ("exit", "exit", 7), ("hang", "timeout", 0)],
)
def test_a_death_has_its_kind_costs_one_call_once_and_leaves_no_grandchild(tmp_path, deed, kind, number):
    calls = {"dies": (has_child, (tmp_path, "dies", deed), Limits(1.0 if deed == "hang" else None))}
    calls |= {str(i): (nothing, (tmp_path, str(i))) for i in range(20)}
    found = run(calls)
    error = found.pop("dies").error
    if kind == "timeout":
        assert isinstance(error, LimitBroken)
        assert error.kind == "timeout"
    else:
        assert isinstance(error, WorkerDied)
        assert error.death.end == (kind, number)
    assert {name: it.value for name, it in found.items()} == {str(i): str(i) for i in range(20)}
    # It was known whose death it was: nothing ran twice to find that out.
    ran = {path.name: path.read_text().split() for path in tmp_path.iterdir() if "child" not in path.name}
    assert {name: len(pids) for name, pids in ran.items()} == dict.fromkeys(calls, 1)
    for path in tmp_path.glob("dies-child-*"):
        assert not is_alive(int(path.read_text()))


def dies_at(folder, i, fatal):
    note(folder, str(i))
    if i == fatal:
        os.kill(os.getpid(), signal.SIGSEGV)
    return i


def test_a_death_within_a_chunk_costs_neither_what_was_before_it_nor_what_comes_after(tmp_path):
    coordinator = Coordinator(parse_backend("supervised"), 1)
    coordinator.open()
    try:
        coordinator.prepare([dies_at])
        found = {}
        # It is known from the first ones that many go together.
        for numbers in (range(2), range(2, 42)):
            calls = [(i, PlainCall("dies_at", dies_at, (tmp_path, i, 17)), Limits()) for i in numbers]
            coordinator.submit(calls)
            while coordinator.in_flight():
                found.update((it.token, it.outcome) for it in coordinator.wait(60))
    finally:
        coordinator.close()
    assert {i: type(it.error) for i, it in found.items() if it.error is not None} == {17: WorkerDied}
    assert {i: it.value for i, it in found.items() if i != 17} == {i: i for i in range(42) if i != 17}
    assert {len(path.read_text().split()) for path in tmp_path.iterdir()} == {1}


def group_of(_folder):
    return os.getpid(), os.getpgid(0), os.getppid()


def test_workers_lead_groups_are_children_of_this_process_and_end_with_their_pool(tmp_path):
    found = run({str(i): (group_of, (tmp_path,)) for i in range(4)})
    for outcome in found.values():
        pid, group, parent = outcome.value
        assert pid == group
        assert parent == os.getpid()
        assert not is_alive(pid)


def test_what_was_imported_before_is_there_in_a_worker(tmp_path):
    tmp_path.joinpath("prepared_once.py").write_text(
        f"with open({str(tmp_path / 'imports')!r}, 'a') as file:\n    file.write('x')\n"
    )
    sys.path.insert(0, str(tmp_path))
    pool = supervised(3, ["prepared_once"])
    try:
        reports = [pool.ask_importable(["prepared_once"]).result(60) for _ in range(6)]
    finally:
        pool.close()
        sys.path.remove(str(tmp_path))
    assert all(not it.reasons for it in reports)
    assert tmp_path.joinpath("imports").read_text() == "x"


def test_workers_that_cannot_begin_are_one_error(monkeypatch):
    monkeypatch.setattr("sys.executable", "/bin/false")
    pool = supervised(2)
    try:
        with pytest.raises(UserError, match="ended its process with status 1 before it could run anything"):
            pool.ask_importable([]).result(60)
        with pytest.raises(UserError, match="before it could run anything"):
            pool.submit(b"", ()).result(60)
    finally:
        pool.close()


def test_a_program_that_is_missing_is_one_error(monkeypatch):
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    pool = supervised(1)
    try:
        with pytest.raises(UserError, match=r"no worker can be started: .*No such file"):
            pool.ask_importable([]).result(60)
    finally:
        pool.close()


def test_a_pool_that_is_ended_while_it_begins_leaves_nothing():
    before = set(Path("/proc/self/task").joinpath(str(os.getpid()), "children").read_text().split())
    for _ in range(5):
        pool = supervised(2, ["numpy"])
        pool.kill()
    after = set(Path("/proc/self/task").joinpath(str(os.getpid()), "children").read_text().split())
    assert after <= before
