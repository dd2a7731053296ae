"""The way from a task that waits to what it waits for."""

from __future__ import annotations

import pytest

from jug import Task, _native
from jug.engine.task_state import TaskState, as_task_states
from jug.monitor.explain.chains import chains_to

ABLE = (TaskState.ACTIVE, TaskState.READY)


def f(*args):
    return args


def states_of(graph, present=(), failed=()):
    """The letter of each node."""
    there = [node in present for node in range(len(graph))]
    return as_task_states(_native.Scheduler(graph, present=there, failed=list(failed)).states())


def chains(tasks, last, present=(), failed=()):
    """The chains from the last task to what failed, and to what may run, as places in `tasks`."""
    graph = _native.Graph(tasks)
    node = graph.node_of(last)
    nodes = {graph.node_of(task): place for place, task in enumerate(tasks)}
    states = states_of(graph, [graph.node_of(it) for it in present], [graph.node_of(it) for it in failed])
    found = chains_to(graph, states, node, (TaskState.FAILED,), ABLE)
    return [[nodes[it] for it in chain] for chain in found]


@pytest.mark.parametrize("is_first", [True, False])
def test_of_two_ways_the_shorter_one_is_found(is_first):
    a, other = Task(f, 1), Task(f, 2)
    b = Task(f, a)
    long = Task(f, b)
    short = Task(f, other)
    last = Task(f, short, long) if is_first else Task(f, long, short)
    assert chains([a, other, b, long, short, last], last) == [[], [4, 1]]


def test_of_two_ways_to_one_task_the_shorter_one_is_found():
    a = Task(f, 1)
    b = Task(f, a)
    c = Task(f, b)
    last = Task(f, c, b)
    assert chains([a, b, c, last], last) == [[], [1, 0]]


def test_what_failed_is_found_beside_what_may_run():
    a, bad = Task(f, 1), Task(f, 2)
    b = Task(f, bad)
    last = Task(f, a, b)
    assert chains([a, bad, b, last], last, failed=[bad]) == [[2, 1], [0]]


def test_what_has_a_result_leads_nowhere():
    a = Task(f, 1)
    b = Task(f, a)
    c = Task(f, 3)
    last = Task(f, b, c)
    assert chains([a, b, c, last], last, present=[b]) == [[], [2]]
    assert chains([a, b, c, last], last, present=[b, c]) == [[], []]


def test_a_chain_of_100000_tasks_is_followed_without_recursion():
    tasks = [Task(f, 0)]
    for _ in range(100_000):
        tasks.append(Task(f, tasks[-1]))
    [_, chain] = chains(tasks, tasks[-1])
    assert chain == list(range(99_999, -1, -1))
