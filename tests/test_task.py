"""Tasks and tasklets."""

from __future__ import annotations

import copy
import functools
import inspect
import pickle
from pathlib import Path

import pytest

import jug
from jug import task
from jug.internal.limits import TaskLimits, limits_of
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
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(generated, protocol)).f is generated.f


def test_a_generator_of_a_nested_function_cannot_be_pickled():
    @TaskGenerator
    def inner():
        return 1

    with pytest.raises(RuntimeError, match="top of its module"):
        pickle.dumps(inner)


@TaskGenerator(timeout=60, retries=2, memory="4GB")
def limited(x):
    """Adds four."""
    return x + 4


class Limited:
    @TaskGenerator(retries=1)
    def method(x):
        return x


def test_a_generator_with_limits_is_as_one_without():
    assert type(limited) is TaskGenerator
    assert limited.f(1) == 5
    assert (limited.__name__, limited.__doc__) == ("limited", "Adds four.")
    assert inspect.signature(limited) == inspect.signature(generated)
    t = limited(1)
    assert (type(t), t.name) == (Task, f"{__name__}.limited")
    for twin in (pickle.loads(pickle.dumps(limited)), copy.copy(limited), copy.deepcopy(limited)):
        assert (type(twin), twin.f) == (TaskGenerator, limited.f)
    assert type(Limited.method) is TaskGenerator
    assert Limited.method(3).f is Limited.method.f


def test_limits_belong_to_the_function_and_are_found_by_it():
    expected = TaskLimits(timeout=60.0, retries=2, memory=4 * 10**9)
    assert limits_of(limited(1).f) == expected
    pickle.loads(pickle.dumps(limited))
    copy.copy(limited)
    assert limits_of(limited.f) == expected, "copies change nothing"
    assert limits_of(Limited.method.f) == TaskLimits(retries=1)
    assert limits_of(generated(1).f) == TaskLimits()
    assert limits_of(TaskGenerator(double, memory=1000)(1).f) == TaskLimits(memory=1000)


def test_limits_are_no_part_of_the_identity():
    def tasks(decorator):
        namespace = {"__name__": "somewhere", "decorator": decorator}
        exec("@decorator\ndef step(x): return x", namespace)
        step = namespace["step"]
        return [step(1), step([step(2)]), Task(str, step)]

    plain = [t.hash() for t in tasks(TaskGenerator)]
    assert [t.hash() for t in tasks(TaskGenerator(timeout=1, retries=0, memory="1GB"))] == plain
    assert [t.hash() for t in tasks(TaskGenerator(timeout=2))] == plain


def test_a_generator_pickled_before_there_were_limits_is_loaded():
    stored = pickle.dumps(generated, 2)
    assert stored.count(b"cjug.task\nTaskGenerator\n") == 1
    assert pickle.loads(stored).f is generated.f


@pytest.mark.parametrize(
    ("limits", "error", "message"),
    [
        (
            {"timeout": 0},
            ValueError,
            "timeout of the task generator double must be a number of seconds above 0, not 0",
        ),
        (
            {"timeout": "1"},
            TypeError,
            "timeout of the task generator double must be a number of seconds above 0",
        ),
        (
            {"retries": -1},
            ValueError,
            "retries of the task generator double must be a whole number of at least 0",
        ),
        (
            {"retries": 1.5},
            TypeError,
            "retries of the task generator double must be a whole number of at least 0",
        ),
        ({"memory": "4 apples"}, ValueError, "memory of the task generator double must be a size above 0"),
        ({"memory": [4]}, TypeError, "memory of the task generator double must be a size above 0"),
    ],
)
def test_a_limit_that_is_none_is_an_error_where_the_function_is_decorated(limits, error, message):
    with pytest.raises(error, match=message):
        TaskGenerator(**limits)(double)
    with pytest.raises(error, match=message):
        TaskGenerator(double, **limits)


def test_a_limit_of_an_unknown_name_is_an_error():
    with pytest.raises(TypeError, match="timout"):
        TaskGenerator(timout=3)(double)


def test_a_generator_needs_a_function_or_a_limit():
    with pytest.raises(TypeError, match="needs a function"):
        TaskGenerator()


def test_a_class_of_ones_own_made_of_task_generator_works_as_before():
    class Counting(TaskGenerator):
        def __init__(self, f):
            super().__init__(f)
            self.calls = 0

        def __call__(self, *args):
            self.calls += 1
            return super().__call__(*args)

    counting = Counting(double)
    assert (counting(3).f, counting.calls) == (double, 1)


def test_type_checkers_know_what_a_generator_with_limits_makes(tmp_path):
    (tmp_path / "typed.py").write_text(
        "from jug import TaskGenerator\n"
        "@TaskGenerator\ndef plain(x: int) -> int: return x\n"
        "@TaskGenerator(timeout=3, memory='4GB')\ndef limited(x: int) -> int: return x\n"
        "reveal_type(plain)\nreveal_type(limited)\nreveal_type(TaskGenerator(plain.f, retries=2))\n"
        "reveal_type(limited(1))\n"
        "TaskGenerator(timeout='3')\nTaskGenerator(plain.f, retry=2)\n"
    )
    api = pytest.importorskip("mypy.api")
    found, _, _ = api.run(
        ["--strict", "--config-file=", f"--cache-dir={tmp_path}", str(tmp_path / "typed.py")]
    )
    lines = [line.partition("typed.py:")[2] for line in found.splitlines()[:-1]]
    assert lines[:4] == [
        '6: note: Revealed type is "jug.task.TaskGenerator"',
        '7: note: Revealed type is "jug.task.TaskGenerator"',
        '8: note: Revealed type is "jug.task.TaskGenerator"',
        '9: note: Revealed type is "jug.task.Task"',
    ]
    assert {line.partition(": ")[0] for line in lines[4:] if "error" in line} == {"10", "11"}


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


def test_describe_does_not_recurse():
    t = Task(double, 0)
    for _ in range(100_000):
        t = Task(double, t)
    description, depth = task.describe(t), 0
    while "args" in description:
        description, depth = description["args"][0], depth + 1
        if not isinstance(description, dict):
            break
    assert depth == 100_001


def test_describe_takes_a_task_once_that_is_needed_on_many_ways():
    t = Task(double, 1)
    for _ in range(200):
        t = Task(add, t, t)
    one, other = task.describe(t)["args"]
    assert one is other


def test_describe_says_where_something_holds_itself():
    ring = [Task(double, 1)]
    ring.append(ring)
    assert task.describe(ring) == [{"name": f"{__name__}.double", "args": [1]}, "..."]


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
