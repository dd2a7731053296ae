"""Barriers and compound tasks."""

from __future__ import annotations

from pathlib import Path

import pytest

import jug
from jug import task
from jug.barrier import BarrierError
from jug.task import Task, TaskGenerator, value


@pytest.fixture(autouse=True)
def store(jug_clean: Path):
    """Each test has an empty store in memory."""
    jug.set_jugdir("dict_store")


@TaskGenerator
def inc(x):
    return x + 1


@jug.CompoundTaskGenerator
def inc_twice(x):
    return inc(inc(x))


def run_all() -> int:
    """Runs what can be run, in order; how many there were."""
    todo = [t for t in task.alltasks if not t.can_load()]
    for t in todo:
        t.run()
    return len(todo)


def test_a_barrier_waits_for_every_task():
    inc(1)
    with pytest.raises(BarrierError):
        jug.barrier()
    run_all()
    jug.barrier()


def test_bvalue_waits_for_its_argument_only():
    a, b = inc(1), inc(2)
    a.run()
    assert jug.bvalue(a) == 2
    assert jug.bvalue([a, {"a": (a, 1)}]) == [2, {"a": (2, 1)}]
    with pytest.raises(BarrierError):
        jug.bvalue([a, {"b": b}])
    with pytest.raises(BarrierError):
        jug.bvalue(b[0])
    assert jug.bvalue("plain") == "plain"


def test_a_compound_task_is_ordinary_tasks_until_it_has_a_result():
    t = inc_twice(1)
    assert [each.name.rpartition(".")[2] for each in task.alltasks] == ["inc", "inc", "compound_task_execute"]
    assert run_all() == 3
    assert value(t) == 3


def test_a_finished_compound_task_is_one_task_of_its_own_name():
    first = inc_twice(1)
    run_all()
    del task.alltasks[:]
    again = inc_twice(1)
    assert again.hash() == first.hash()
    assert [each.name for each in task.alltasks] == [f"{__name__}.inc_twice"]
    assert value(again) == 3
    assert inc_twice.f is not inc_twice


def test_the_results_inside_a_compound_task_are_garbage_afterwards():
    inc_twice(1)
    run_all()
    del task.alltasks[:]
    t = inc_twice(1)
    assert Task.store.cleanup(task.alltasks) == 2
    assert t.can_load()
