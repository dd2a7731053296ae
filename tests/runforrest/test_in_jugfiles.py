"""Deferred calls as functions and arguments of jug's tasks."""

import operator
import os
import random

import pytest

import jug
from jug.internal.short_repr import describe_call
from jug.runforrest import defer


def process_of(*arguments):
    return [os.getpid(), *arguments]


def chained(length, start=0):
    task = defer(operator.add, start, 0)
    for _ in range(length):
        task = defer(operator.add, task, 1)
    return task


def test_a_task_gets_what_a_deferred_call_returns(jug_clean):
    jug.set_jugdir("jugdata")
    part = defer(dict, a=[5])["a"][0]
    tasks = [
        jug.Task(operator.add, chained(3), 1),
        jug.Task(sum, [part, defer(int, 1)]),
        jug.Task(abs, part.real),
    ]
    summary = jug.execute(tasks)
    assert summary.is_complete
    assert [jug.value(task) for task in tasks] == [4, 6, 5]


def test_its_key_is_that_of_the_calls_inside(jug_clean):
    def key(argument):
        return jug.Task(abs, argument).hash()

    assert key(chained(3)) == key(chained(3))
    different = [
        chained(3),
        chained(4),
        chained(3, start=1),
        chained(3).real,
        chained(3)["real"],
        defer(operator.sub, chained(2), 1),
        defer(sum, [chained(2), 1]),
        defer(sum, (chained(2), 1)),
        defer(sum, [chained(1), 1]),
        defer(dict, a=1),
        defer(dict, b=1),
    ]
    assert len({key(it) for it in different}) == len(different)


def test_a_chain_of_100000_has_a_key(jug_clean):
    assert jug.Task(abs, chained(100_000)).hash() == jug.Task(abs, chained(100_000)).hash()


def test_what_has_no_key_is_refused_with_a_reason(jug_clean):
    with pytest.raises(Exception, match="generator"):
        jug.Task(abs, defer(len, (i for i in range(3)))).hash()


def test_a_deferred_call_is_the_function_of_a_task(jug_clean):
    jug.set_jugdir("jugdata")
    double = jug.Task(operator.mul, 2, 3)
    call = defer(operator.add, 1, defer(operator.mul, 3, 4))
    tasks = [
        jug.Task(call),
        jug.Task(defer(dict, a=[5])["a"]),
        jug.Task(defer(operator.attrgetter, "real"), 7),
        jug.Task(defer(operator.itemgetter, 1), [double, double]),
        jug.Task(call.real),
    ]
    assert jug.execute(tasks).is_complete
    assert [jug.value(task) for task in tasks] == [13, [5], 7, 6, 13]
    assert [task.name for task in tasks] == [
        "_operator.add",
        "builtins.dict",
        "operator.attrgetter",
        "operator.itemgetter",
        "_operator.add",
    ]


def test_as_the_function_its_key_is_that_of_the_calls_inside(jug_clean):
    def key(*call):
        return jug.Task(*call).hash()

    assert key(chained(3)) == key(chained(3))
    different = [
        (chained(3),),
        (chained(4),),
        (chained(3), 1),
        (chained(3).real,),
        (chained(3)["real"],),
        (chained(3, start=1),),
        (operator.add, chained(2), 1),
    ]
    assert len({key(*it) for it in different}) == len(different)


def test_what_is_shared_is_called_once_in_a_task(jug_clean):
    jug.set_jugdir("jugdata")
    drawn = defer(random.random)
    task = jug.Task(defer(operator.sub, drawn, drawn))
    jug.execute(task)
    assert jug.value(task) == 0


def test_a_task_of_jugs_within_a_deferred_call_is_run_before(jug_clean):
    jug.set_jugdir("jugdata")
    inner = jug.Task(operator.add, 1, 2)
    tasks = [jug.Task(abs, defer(operator.neg, inner)), jug.Task(defer(sum, [inner, inner[0:0]["a"]]))]
    assert list(tasks[0].dependencies()) == [inner]
    assert jug.execute(tasks[0]).executed.total() == 2
    assert jug.value(tasks[0]) == 3
    assert jug.Task(abs, defer(operator.neg, jug.Task(operator.add, 1, 3))).hash() != tasks[0].hash()
    assert list(tasks[1].dependencies()) == [inner]


def test_workers_run_such_tasks_of_a_script(jug_clean):
    jug.set_jugdir("jugdata")
    inner = jug.Task(operator.add, 1, 2)
    tasks = [jug.Task(defer(operator.mul, inner, defer(int, number))) for number in range(3)]
    assert jug.execute(tasks, n_workers=2).is_complete
    assert [jug.value(task) for task in tasks] == [0, 3, 6]


def test_as_the_function_it_is_called_where_the_task_runs(jug_clean):
    jug.set_jugdir("jugdata")
    inner = jug.Task(max, 1, 2)
    tasks = [jug.Task(defer(process_of, number)) for number in range(2)]
    tasks.append(jug.Task(defer(process_of, inner, [inner, defer(int, 3)])))
    assert jug.execute(tasks, n_workers=1, backend="processes").is_complete
    values = [jug.value(task) for task in tasks]
    assert [value[1:] for value in values] == [[0], [1], [2, [2, 3]]]
    assert os.getpid() not in {value[0] for value in values}


def test_messages_show_the_arguments_of_the_calls():
    tasks = [
        jug.Task(defer(operator.truediv, 1, 0)),
        jug.Task(defer(operator.truediv, defer(int), "two").real),
        jug.Task(defer(dict, zero=[0]), 5),
    ]
    assert [f"{task.name}({describe_call(task)})" for task in tasks] == [
        "_operator.truediv(1, 0)",
        "_operator.truediv(<deferred call of int>, 'two')",
        "builtins.dict(5)",
    ]


def test_what_is_no_function_is_refused_as_ever():
    with pytest.raises(TypeError, match="it is not a function"):
        jug.Task(5)
