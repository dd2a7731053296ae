"""Deferred calls: what is one, what is a part of one, which are equal."""

import copy
import operator

import pytest

from jug.runforrest import PartOfTask, Task, TaskAttribute, TaskItem, defer, evaluate
from jug.runforrest.deferred import plain_index


def test_a_call_is_deferred_with_its_arguments():
    task = defer(operator.add, 1, 2)
    assert type(task) is Task
    assert (task._fun, task._args, task._kwargs) == (operator.add, (1, 2), {})
    assert evaluate(task) == 3


def test_data_are_deferred_and_arguments_beside_them_ignored():
    assert evaluate(defer({"a": 1}, "ignored", also="ignored")["a"]) == 1


def test_a_deferred_call_is_not_deferred_once_more():
    """RunForrest 0.4.3 raises TypeError when such a task is evaluated: 'Task' object is not callable."""
    task = defer(operator.add, 1, 2)
    assert defer(task) is task


def test_what_a_deferred_call_returns_can_be_called_later():
    """RunForrest 0.4.3 raises TypeError of the first, and ignores the arguments of the second."""
    assert evaluate(defer(defer(operator.attrgetter, "real"), 5)) == 5
    assert evaluate(defer(defer("a,b").split, ",")) == ["a", "b"]


def test_attributes_and_items_are_deferred_to_any_depth():
    task = defer({"numbers": [1, 2j]})
    part = task["numbers"][1].imag
    assert [type(task["numbers"]), type(part)] == [TaskItem, TaskAttribute]
    assert isinstance(part, PartOfTask)
    assert evaluate(part) == 2


def test_equal_parts_of_a_call_are_equal_and_others_are_not():
    """In RunForrest 0.4.3 t['a'] and t.a have one id, and the one is taken for the other."""
    task = defer(dict, a=1)
    assert task.a == task.a
    assert task["a"] == task["a"]
    assert task.a != task["a"]
    assert task[1] != task["1"]
    assert task != defer(dict, a=1)
    assert task.a._id != task["a"]._id


def test_indexes_have_one_text_where_they_are_the_same_and_only_there():
    indexes = [
        1,
        True,
        1.0,
        "1",
        b"1",
        None,
        (1,),
        ("1",),
        slice(1),
        slice(1, None),
        (1, (2, 3)),
        ((1, 2), 3),
    ]
    texts = [plain_index(index) for index in indexes]
    assert None not in texts
    # slice(1) is slice(None, 1).
    assert len(set(texts)) == len(texts)
    assert plain_index([1]) is None
    assert plain_index((1, [2])) is None


def test_a_deferred_call_is_no_sequence_without_an_end():
    """In RunForrest 0.4.3 list(task) never ends."""
    with pytest.raises(TypeError, match="not iterable"):
        list(defer(operator.add, 1, 2))


def test_a_copy_is_the_same_call():
    task = defer(operator.add, 1, 2)
    assert copy.copy(task) == task
    assert copy.deepcopy(task[0]) == task[0]


def test_what_was_not_set_is_a_part_and_not_callable():
    task = defer(operator.add, 1, 2)
    assert isinstance(task.runtime, TaskAttribute)
    with pytest.raises(TypeError, match="'TaskAttribute' object is not callable"):
        task.get("x")
