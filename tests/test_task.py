"""Tasks and tasklets."""

from __future__ import annotations

import functools
import pickle
from pathlib import Path

import pytest

import jug
from jug import task
from jug.task import Task, TaskGenerator, Tasklet, value


def double(x):
    return 2 * x


def add(x, y=1, *more, scale=1):
    return scale * (x + y + sum(more))


def pair(x):
    return x, x + 1


class Box:
    def grow(self, x):
        return x + 1


@TaskGenerator
def generated(x):
    """Adds three."""
    return x + 3


@pytest.fixture(autouse=True)
def store(jug_clean: Path):
    """Each test has an empty store in memory."""
    jug.set_jugdir("dict_store")
    return Task.store


def test_a_task_is_listed_named_and_runs_once_asked():
    t = Task(double, 21)
    assert task.alltasks == [t]
    assert t.name == f"{__name__}.double"
    assert not t.can_load()
    assert t.can_run()
    assert t.run() == 42
    assert t.can_load()
    assert value(t) == 42
    assert t.result == 42


def test_the_identity_is_the_name_at_the_first_hash():
    plain, renamed, late = Task(double, 1), Task(double, 1), Task(double, 1)
    renamed.name = "another"
    before = late.hash()
    late.name = "another"
    assert late.hash() == before == plain.hash()
    assert renamed.hash() != plain.hash()
    assert late.name == "another"


def test_an_explicit_default_makes_another_task():
    assert Task(add, 1).hash() != Task(add, 1, 1).hash() != Task(add, 1, y=1).hash()


def test_a_partial_is_taken_apart():
    a = Task(functools.partial(functools.partial(add, 1), 2, scale=3), 4)
    assert a.hash() == Task(add, 1, 2, 4, scale=3).hash()
    assert a.run() == 21


def test_the_object_of_a_bound_method_is_no_part_of_the_identity():
    assert Task(Box().grow, 1).hash() == Task(Box().grow, 1).hash()
    assert Task(Box().grow, 1).run() == 2


def test_a_lambda_cannot_be_a_task():
    with pytest.raises(ValueError, match="lambda"):
        Task(lambda: 1)
    assert task.alltasks == []


def test_tasks_among_the_arguments_become_their_values():
    a, b = Task(double, 1), Task(double, 2)
    t = Task(add, a, y=b)
    assert {id(d) for d in t.dependencies()} == {id(a), id(b)}
    assert not t.can_run()
    a.run()
    b.run()
    assert t.run() == 6
    nested = Task(len, [a, (b, {"x": a})])
    assert {id(d) for d in nested.dependencies()} == {id(a), id(b)}


def test_running_too_early_is_refused():
    t = Task(double, Task(double, 1))
    with pytest.raises(RuntimeError, match="double"):
        t.run()


def test_a_result_can_be_unloaded_and_comes_back_from_the_store():
    t = Task(double, 4)
    t.run()
    assert t.is_loaded()
    t.unload()
    assert not t.is_loaded()
    assert t.result == 8
    t.unload_recursive()
    assert not t.is_loaded()
    t.invalidate()
    with pytest.raises(RuntimeError, match="no result"):
        t.load()


def test_a_none_result_is_a_result():
    t = Task(double, ())
    Task.store.dump(None, t.hash())
    assert t.can_load()
    assert value(t) is None


def test_subscripts_defer():
    t = Task(pair, 1)
    first, index = t[0], Task(double, 0)
    assert isinstance(first, Tasklet)
    assert first.__jug_hash__() != t[1].__jug_hash__()
    t.run()
    index.run()
    assert (value(first), value(t[1]), value(t[index])) == (1, 2, 1)
    assert value(t[0:1]) == (1,)
    nested = Tasklet(t, lambda r: [r, r])[1][0]
    assert value(nested) == 1


def test_lambda_tasklets_are_distinguished():
    t = Task(double, 1)
    one, other = 1, 2
    hashes = {
        Tasklet(t, f).__jug_hash__()
        for f in (
            lambda v: v + 1,
            lambda v: v + 2,
            lambda v: v + one,
            lambda v: v + other,
            lambda v, w=1: v + w,
            lambda v, w=2: v + w,
        )
    }
    assert len(hashes) == 6


def test_a_task_depends_on_the_base_of_a_tasklet():
    base = Task(pair, 1)
    t = Task(double, base[1])
    assert [id(d) for d in t.direct_dependencies()] == [id(base)]
    base.run()
    assert t.run() == 4


def test_a_task_cannot_be_iterated_over():
    with pytest.raises(NotImplementedError, match="iteratetask"):
        list(Task(pair, 1))


def test_iteratetask_unpacks_a_known_number():
    t = Task(pair, 1)
    a, b = jug.iteratetask(t, 2)
    t.run()
    assert (value(a), value(b)) == (1, 2)
    assert len(jug.iteratetask(t, 2)) == 2


def test_return_tuple_gives_tasklets_and_checks_the_length():
    a, b = jug.return_tuple(2)(TaskGenerator(pair))(5)
    task.alltasks[0].run()
    assert (value(a), value(b)) == (5, 6)
    wrong = jug.return_tuple(3)(TaskGenerator(pair))(5)
    with pytest.raises(ValueError, match="3"):
        value(wrong[0])


def test_a_generator_looks_like_its_function_and_keeps_it():
    assert generated.f(1) == 4
    assert generated.__name__ == "generated"
    assert generated.__doc__ == "Adds three."
    t = generated(1)
    assert isinstance(t, Task)
    assert t.name == f"{__name__}.generated"
    assert pickle.loads(pickle.dumps(generated)).f is generated.f


def test_a_generator_of_a_nested_function_cannot_be_pickled():
    @TaskGenerator
    def inner():
        return 1

    with pytest.raises(RuntimeError, match="top of its module"):
        pickle.dumps(inner)


def test_cached_function_runs_once():
    assert jug.CachedFunction(double, 3) == 6
    Task.store.dump("stored", task.alltasks[-1].hash())
    assert jug.CachedFunction(double, 3) == "stored"
    with pytest.raises(ValueError, match="no result"):
        jug.CachedFunction(double, Task(double, 9))


def test_locks_and_failure_marks():
    t = Task(double, 1)
    assert t.lock()
    assert t.is_locked()
    assert not Task(double, 1).lock()
    t.fail()
    assert t.is_failed()
    t.unlock()
    assert not t.is_failed()
    assert not t.is_locked()


def test_topological_sort_puts_dependencies_first():
    a = Task(double, 1)
    b = Task(double, a)
    c = Task(add, a, b)
    tasks = [c, b, a]
    task.topological_sort(tasks)
    assert tasks.index(a) < tasks.index(b) < tasks.index(c)


def test_a_chain_of_100_000_tasks_sorts_and_walks_without_recursion():
    t = Task(double, 0)
    for _ in range(100_000):
        t = Task(double, t)
    tasks = task.alltasks[::-1]
    task.topological_sort(tasks)
    assert tasks[0] is task.alltasks[0]
    assert sum(1 for _ in task.recursive_dependencies(t)) == 100_000
    assert [id(d) for d in task.recursive_dependencies(t, 1)] == [id(task.alltasks[-2])]
    t.unload_recursive()
    assert len(t.hash()) == 64


def test_describe_returns_the_computation():
    a = Task(double, 1)
    assert task.describe([Task(add, a, y=2), a[0]]) == [
        {
            "name": f"{__name__}.add",
            "args": [{"name": f"{__name__}.double", "args": [1]}],
            "kwargs": {"y": 2},
        },
        {
            "name": "tasklet",
            "operation": "jug.task._getitem(0)",
            "base": {"name": f"{__name__}.double", "args": [1]},
        },
    ]


def test_value_takes_its_argument_by_name_too():
    assert value(elem=[1, (2,)]) == [1, (2,)]


@pytest.mark.parametrize("use", [value, Task.can_load, Task.run, Task.invalidate, Task.lock])
def test_without_an_open_jugdir_the_message_says_what_to_call(monkeypatch, use):
    monkeypatch.setattr(Task, "store", None)
    with pytest.raises(RuntimeError, match=r"jug\.init"):
        use(Task(double, 1))


@pytest.mark.parametrize("index", [lambda i: i, lambda i: (i, 0), lambda i: [i, 0]])
def test_tasks_in_the_index_of_a_subscript_are_waited_for(index):
    i = Task(double, 0)
    table = Task(dict, {0: {0: "found"}})
    found = Task(str, table[index(i)])
    assert list(found.dependencies()) == [table, i]
    assert list(table[index(i)].dependencies()) == [table, i]
    table.run()
    assert not found.can_run()
    assert not table[i].can_load()
    i.run()
    assert found.can_run()
    assert table[i].can_load()
