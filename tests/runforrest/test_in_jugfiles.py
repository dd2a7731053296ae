"""Deferred calls as arguments of jug's tasks."""

import operator

import pytest

import jug
from jug.runforrest import defer


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
