"""The tasks that results were made of: each once, behind all that it needs, in one order."""

from __future__ import annotations

import numpy as np
import pytest

from jug import File, Task, task
from jug.backends.dict_store import dict_store
from jug.compound import CompoundTask
from jug.monitor.explain.targets import asked_for
from jug.monitor.provenance.chain import provenance_of


def f(*args, **kwargs):
    return args


@pytest.fixture
def store(jug_clean):
    task.Task.store = dict_store()
    return task.Task.store


def chain(store, *asked):
    """The steps behind these tasks."""
    keys = [it.key().hex() for it in asked]
    with asked_for("provenance", store, {}, keys, None, None) as found:
        return provenance_of("jugfile.py", found).steps


def places(steps, tasks):
    """Where the task of each step stands in a list."""
    by_key = {it.key(): place for place, it in enumerate(tasks)}
    return [by_key[step.key] for step in steps]


def test_what_a_task_needs_comes_before_it_and_each_task_once(store):
    a, b = Task(f, 1), Task(f, 2)
    c = Task(f, b, a)
    d = Task(f, a, c, [b, a])
    other = Task(f, 3)
    steps = chain(store, d)
    assert places(steps, [a, b, c, d, other]) == [0, 1, 2, 3]
    assert [step.is_asked for step in steps] == [False, False, False, True]


def test_the_order_is_that_of_the_words_and_of_the_arguments(store):
    a, b, c = Task(f, 1), Task(f, 2), Task(f, 3)
    x, y = Task(f, {"k": c}, b), Task(f, a)
    tasks = [a, b, c, x, y]
    assert places(chain(store, x, y), tasks) == [2, 1, 3, 0, 4]
    assert places(chain(store, y, x), tasks) == [0, 4, 2, 1, 3]


def test_an_argument_has_its_value_in_short_its_digest_and_the_tasks_in_it(store):
    a = Task(f, 1)
    b = Task(f, a, [a, 2, a], scale=0.5)
    whole, mixed, scale = chain(store, b)[-1].inputs
    assert (whole.name, whole.tasks, whole.is_whole, whole.digest) == ("argument 1", [a.key()], True, a.key())
    assert (mixed.name, mixed.tasks, mixed.is_whole, mixed.type) == ("argument 2", [a.key()], False, "list")
    assert (scale.name, scale.value, scale.tasks, scale.type) == ("argument scale=", "0.5", [], "float")


def test_files_in_arguments_are_found_with_path_and_digest(store, jug_clean):
    (jug_clean / "a.txt").write_text("a")
    file = File("a.txt")
    a = Task(f, {"in": [file, Task(f, 1)]}, file)
    nested, whole = chain(store, a)[-1].inputs
    assert nested.files == whole.files == [(str(jug_clean / "a.txt"), file.digest)]
    assert (nested.is_whole, whole.is_whole) == (False, True)


class Thing:
    def __init__(self, file):
        self.file = file


def test_files_are_found_wherever_they_stand_in_arguments(store, jug_clean):
    (jug_clean / "a.txt").write_text("a")
    file = File("a.txt")
    array = np.array([file, None], dtype=object)
    a = Task(f, Thing(file), [Thing(file)], {file}, {file: 1}, array, Thing(Thing((file, file))))
    for each in chain(store, a)[-1].inputs:
        assert each.files == [(str(jug_clean / "a.txt"), file.digest)], each


def make(x):
    return Task(f, Task(f, x))


def test_of_a_compound_task_that_is_not_finished_the_tasks_that_it_makes_are_followed(store):
    a = Task(f, 1)
    whole = CompoundTask(make, a)
    steps = chain(store, whole)
    assert [step.name.rpartition(".")[2] for step in steps] == ["f", "f", "f", "make"]
    assert steps[0].key == a.key()
    assert steps[-1].inner == [steps[2].key]
    assert [used.tasks for used in steps[-1].inputs] == [[a.key()]]


def test_what_the_store_does_not_know_is_left_out(store):
    a = Task(f, 1)
    a.run()
    b = Task(f, a)
    done, waits = chain(store, b)
    assert (done.has_result, done.facts, done.libraries, done.code) == (True, None, {}, None)
    assert (waits.has_result, waits.facts) == (False, None)


def test_a_chain_of_100000_tasks_is_followed_without_recursion(store):
    tasks = [Task(f, 0)]
    for _ in range(100_000):
        tasks.append(Task(f, tasks[-1]))
    assert places(chain(store, tasks[-1]), tasks) == list(range(100_001))


def test_many_ways_to_a_task_take_no_more_time_than_one(store):
    tasks = [Task(f, 0)]
    for _ in range(1000):
        tasks.append(Task(f, tasks[-1], [tasks[-1]], tasks[-1]))
    assert len(chain(store, tasks[-1])) == 1001
