"""Keys of the generation before, of kinds of values that got other keys."""

from __future__ import annotations

from jug import _native
from jug._native import TaskCore, key
from jug.task import Task, Tasklet
from tests.support.key_values import f, samples


def test_only_what_holds_a_value_of_a_changed_kind_had_another_key():
    red, one = samples.Colour.RED, samples.Number.ONE
    long = [red] + ["long"] * 1000
    for value in (red, [{"a": (red,)}], samples.Point(one, 1), long, [long, long], {red: 1}):
        former = _native.former_key(value)
        assert former not in (None, key(value))
    for value in (1, "a", samples.Colour, [samples.Point(1, 2)], f):
        assert _native.former_key(value) is None


def test_a_task_had_another_key_if_one_of_its_inputs_had():
    first = TaskCore(f, samples.Colour.RED)
    chain = [first]
    for n in range(3000):
        chain.append(TaskCore(f, n, chain[-1]))
    other = TaskCore(f, 1)
    derived = TaskCore(f, Tasklet(first, len), last=[Tasklet(chain[-1], lambda x: x)])
    subscript = TaskCore(f, Task(f, 1)[samples.Colour.RED])
    graph = _native.Graph([other, *chain, derived, subscript])
    assert graph.changed() == list(range(1, len(graph)))
    former = graph.former_keys(graph.changed())
    assert len(set(former) - {None}) == len(former)
    assert not {*former} & {*graph.keys()}
    assert graph.former_keys([0]) == [None]
