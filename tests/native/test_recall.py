"""What a load of a jugfile knows of the load before: it changes what keys and graphs cost, nothing else."""

from __future__ import annotations

import gc
import math
import weakref
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jug._native import Graph, Recall, TaskCore, keys_of


class Task(TaskCore):
    """The smallest subclass."""


class Text(str):
    """Equal to its text, and another argument."""


class Number(int):
    """Equal to its number, and another argument."""


def function(name: str) -> Any:
    """A new function of this name, as each load of a jugfile makes it."""

    def f(*args: Any, **kwargs: Any) -> None:
        """Does nothing."""

    f.__name__ = f.__qualname__ = name
    return f


#: Each is another argument than all others.
DIFFERENT = [
    *(0, 1, 2, -1, 2**62, 2**70, True, False, None, 0.0, -0.0, 1.0, math.nan),
    *("", "1", "é", "\udc80", "x" * 1000, Text("1"), Number(1), b"1", (), (1,), [1]),
]
VALUES = st.one_of(
    st.sampled_from(DIFFERENT),
    st.integers(),
    st.floats(),
    st.text(max_size=3),
    st.lists(st.integers(0, 2), max_size=2),
    # A task made before: the one with this number, counted from the last.
    st.integers(1, 3).map(lambda back: ("task", back)),
)
CALLS = st.tuples(
    st.sampled_from("fgh"),
    st.one_of(st.lists(VALUES, min_size=1, max_size=1), st.lists(VALUES, max_size=4)),
    st.dictionaries(st.sampled_from("ab"), st.integers(0, 1), max_size=1),
    st.sampled_from(["", "", "", "named"]),
)
#: What stands in the place of a call, or behind the last one: another call, or one with another argument.
CHANGES = st.tuples(
    st.integers(0, 3),
    st.one_of(
        CALLS.map(lambda call: lambda _: call),
        st.tuples(CALLS, VALUES).map(lambda it: lambda before: with_argument([*before, it[0]][0], it[1])),
    ),
)


def with_argument(call: Any, value: Any) -> Any:
    """The same call with another first argument."""
    name, args, kwargs, given_name = call
    return name, [value, *args[1:]], kwargs, given_name


def load(calls: list[Any]) -> list[TaskCore]:
    """The tasks of a load that makes these calls."""
    functions = {name: function(name) for name in "fgh"}
    tasks: list[TaskCore] = []
    for name, args, kwargs, given_name in calls:
        resolved = [
            tasks[-it[1]] if isinstance(it, tuple) and it[:1] == ("task",) and it[1] <= len(tasks) else it
            for it in args
        ]
        # Each load makes lists of its own: they may change.
        made = Task(functions[name], *[list(it) if isinstance(it, list) else it for it in resolved], **kwargs)
        if given_name:
            made.name = given_name
        tasks.append(made)
    return tasks


def described(graph: Graph) -> Any:
    return (
        list(graph.keys()),
        list(graph.node_ids()),
        list(graph.names()),
        [list(graph.dependencies(node)) for node in range(len(graph))],
        [list(graph.dependents(node)) for node in range(len(graph))],
        graph.find(list(graph.keys())),
        [graph.task(node).key() for node in range(len(graph))],
        graph.changed(),
    )


@settings(max_examples=300, deadline=None)
@given(st.lists(CALLS, max_size=6), st.lists(CHANGES, max_size=3))
def test_keys_and_graphs_are_what_they_are_without_the_load_before(calls, changes):
    recall = Recall()
    for _ in range(2):
        tasks = load(calls)
        Graph(tasks, recall).note(tasks, recall)
    for place, change in changes:
        calls = [*calls[:place], change(calls[place : place + 1]), *calls[place + 1 :]]
        expected = Graph(load(calls))
        assert list(keys_of(load(calls), recall=recall)) == [t.key() for t in load(calls)]
        tasks = load(calls)
        graph = Graph(tasks, recall)
        assert described(graph) == described(expected)
        assert {id(it) for it in graph.tasks()} <= {id(it) for it in tasks}
        graph.note(tasks, recall)
        assert recall.keys() == b"".join(t.key() for t in tasks)


#: What may be done to the tasks of a load that were compared.
EDITS = st.lists(st.sampled_from(["insert", "move", "remove", "rename", "repeat", "reverse"]), max_size=3)


def edited(tasks: list[TaskCore], edits: list[str], place: int) -> list[TaskCore]:
    """The same list, changed at a place."""
    for edit in edits if tasks else ():
        at = place % (len(tasks) or 1)
        if edit == "insert":
            tasks[at:at] = load([("f", [1000], {}, "")])
        elif edit == "move":
            tasks.append(tasks.pop(at) if tasks else load([("g", [0], {}, "")])[0])
        elif edit == "remove":
            del tasks[at : at + 1]
        elif edit == "rename" and tasks:
            tasks[at].name = "renamed"
        elif edit == "repeat":
            tasks[at:at] = tasks[at : at + 1]
        elif edit == "reverse":
            tasks.reverse()
    return tasks


@settings(max_examples=300, deadline=None)
@given(st.lists(CALLS, max_size=6), EDITS, st.integers(0, 5), st.integers(0, 6))
def test_what_becomes_of_a_list_after_its_tasks_were_compared_is_noticed(calls, edits, place, compared):
    recall = Recall()
    tasks = load(calls)
    Graph(tasks, recall).note(tasks, recall)
    expected = load(calls)
    # They get their keys first, as here: a name that is assigned later is not part of them.
    keys_of(expected[:compared])
    tasks = load(calls)
    assert recall.recalled(tasks[:compared]) == min(compared, len(tasks))
    edited(expected, edits, place)
    edited(tasks, edits, place)
    keys = [t.key() for t in expected]
    noted = [recall.keys()[begin : begin + 32] for begin in range(0, len(recall.keys()), 32)]
    same = next((n for n, both in enumerate(zip(keys, noted, strict=False)) if both[0] != both[1]), None)
    assert recall.recalled(tasks) == (min(len(keys), len(noted)) if same is None else same)
    graph = Graph(tasks, recall)
    assert described(graph) == described(Graph(expected))
    assert graph.recalled in (0, len(noted))
    graph.note(tasks, recall)
    assert recall.keys() == b"".join(keys)
    assert recall.kept == (min(len(keys), len(noted)) if same is None else same)


def test_a_task_that_is_renamed_after_it_was_compared_has_its_new_name_in_the_graph():
    recall = Recall()
    calls = [("f", [i], {}, "") for i in range(4)]
    tasks = load(calls)
    Graph(tasks, recall).note(tasks, recall)
    tasks = load(calls)
    assert recall.recalled(tasks) == 4
    tasks[2].name = "renamed"
    name = tasks[0].name
    assert list(Graph(tasks, recall).names()) == [name, name, "renamed", name]


def test_only_tasks_of_the_class_and_the_origin_that_are_asked_for_are_counted():
    class Other(TaskCore):
        """Another subclass."""

    recall = Recall()
    calls = [("f", [i], {}, "") for i in range(4)]
    tasks = load(calls)
    Graph(tasks, recall).note(tasks, recall)
    tasks = load(calls)
    tasks[2] = Other(tasks[2].f, 2)
    assert recall.recalled(tasks, class_=Task) == 2
    assert recall.recalled(tasks, origin=object()) == 0
    assert recall.recalled(tasks) == 4
    assert recall.recalled(tasks, begin=1, class_=Task) == 2
    assert recall.recalled(tasks, begin=3, class_=Task) == 4
    assert recall.recalled(tasks, begin=1, origin=object()) == 1


def test_what_is_compared_is_kept_until_the_load_is_noted():
    gc.disable()
    try:
        recall = Recall()
        calls = [("f", [i], {}, "") for i in range(3)]
        recall.note(load(calls))
        tasks = load(calls)
        assert recall.recalled(tasks) == 3
        left = [weakref.ref(t) for t in tasks]
        recall.note(tasks)
        assert recall.kept == 3
        del tasks
        assert [ref() for ref in left] == [None] * 3
    finally:
        gc.enable()


@pytest.mark.parametrize("place", range(3))
def test_arguments_of_another_value_or_type_are_others(place):
    """That is, the second load has the keys it has without the first one."""
    for before in DIFFERENT:
        recall = Recall()
        tasks = load([("f", [*range(place), before], {}, "")])
        Graph(tasks).note(tasks, recall)
        for now in DIFFERENT:
            calls = [("f", [*range(place), now], {}, "")]
            (key,) = keys_of(load(calls), recall=recall)
            assert key == load(calls)[0].key()
            assert (key == tasks[0].key()) == (now is before)


def test_how_many_are_those_of_the_load_before_is_counted_up_to_the_first_other():
    recall = Recall()
    calls = [("f", [i], {}, "") for i in range(5)]
    tasks = load(calls)
    Graph(tasks).note(tasks, recall)
    assert recall.recalled(load(calls)) == 5
    changed = [*calls[:2], ("f", [7], {}, ""), *calls[3:]]
    assert recall.recalled(load(changed)) == 2
    keys = keys_of(tasks)
    assert keys.first_of(tasks, 0) == 5
    assert keys.first_of([tasks[4], *tasks], 1) == 5
    assert keys.first_of([*tasks[:2], tasks[3]], 0) == 2
    assert keys.first_of(load(calls), 0) == 0


def test_a_function_that_was_renamed_after_it_had_tasks_gives_its_new_name_no_keys():
    """Those of its tasks were computed with the old one."""
    recall = Recall()
    tasks = load([("f", [1], {}, "")])
    graph = Graph(tasks)
    tasks[0].f.__name__ = "g"
    graph.note(tasks, recall)
    (key,) = keys_of(load([("g", [1], {}, "")]), recall=recall)
    assert key == load([("g", [1], {}, "")])[0].key() != tasks[0].key()


def test_what_is_noted_keeps_no_task_alive():
    gc.disable()
    try:
        recall = Recall()
        tasks = load([("f", [i], {}, "") for i in range(3)])
        Graph(tasks, recall).note(tasks, recall)
        left = [weakref.ref(t) for t in tasks]
        del tasks
        assert [ref() for ref in left] == [None] * 3
    finally:
        gc.enable()
