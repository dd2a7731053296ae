"""Evaluation: each call once, in order, of any depth, also inside containers."""

import operator
from collections import OrderedDict

import pytest

from jug.runforrest import defer, evaluate


def test_what_is_not_deferred_is_returned_as_it_is():
    thing = object()
    assert evaluate(thing) is thing


def test_a_call_that_many_need_is_made_once():
    made = []

    def make():
        made.append(1)
        return [1, 2]

    shared = defer(make)
    both = defer(operator.add, defer(operator.add, shared[0], shared[1]), defer(len, shared))
    assert evaluate(both) == 5
    assert made == [1]


def test_a_part_that_many_need_is_asked_for_once():
    asked = []

    class Costly:
        @property
        def value(self):
            asked.append(1)
            return 2

    task = defer(Costly)
    assert evaluate(defer(operator.mul, task.value, task.value)) == 4
    assert asked == [1]


def test_calls_are_made_in_the_order_of_the_arguments():
    made = []
    first, second, third = (defer(made.append, number) for number in (1, 2, 3))
    evaluate(defer(lambda *_, **__: None, first, [second], a=third))
    assert made == [1, 2, 3]


def test_deferred_calls_in_lists_tuples_and_dictionaries_are_resolved():
    """RunForrest 0.4.3 passes the tasks themselves."""
    one, two = defer(int, 1), defer(int, 2)
    arguments = ([one, [two]], (one, {"two": two}))
    assert evaluate(defer(lambda *args: args, *arguments)) == ([1, [2]], (1, {"two": 2}))
    assert evaluate(defer(sum, [one, two, 3])) == 6
    assert evaluate(defer(dict, a={"b": [one]})) == {"a": {"b": [1]}}


def test_a_container_without_deferred_calls_is_passed_itself():
    data, ordered = [1, {"a": (2,)}], OrderedDict(a=1)
    assert evaluate(defer(lambda *args: args, data, ordered))[0] is data
    assert evaluate(defer(lambda it: it, ordered)) is ordered


def test_a_list_that_contains_itself_does_no_harm():
    loop = [defer(int, 1)]
    loop.append(loop)
    result = evaluate(defer(lambda it: it, loop))
    assert result[0] == 1
    assert result[1] is loop


def test_a_call_that_needs_its_own_result_is_an_error():
    holder = []
    task = defer(len, holder)
    holder.append(task)
    with pytest.raises(ValueError, match="needs what it returns itself"):
        evaluate(task)


def test_a_chain_of_100000_calls_is_evaluated_without_recursion():
    """RunForrest 0.4.3 raises RecursionError at a few hundred."""
    task = defer(int)
    for _ in range(100_000):
        task = defer(operator.add, task, 1)
    assert evaluate(task) == 100_000


def test_what_a_call_raises_is_raised():
    with pytest.raises(ZeroDivisionError):
        evaluate(defer(operator.add, defer(operator.truediv, 1, 0), 1))


def test_results_that_are_known_are_taken_and_others_added():
    one = defer(operator.truediv, 1, 0)
    two = defer(operator.add, one, 1)
    known = {one._id: 5}
    assert evaluate(two, known) == 6
    assert known[two._id] == 6


def test_other_results_of_a_call_with_an_index_that_has_no_text_are_kept_apart():
    """RunForrest 0.4.3 goes by str(index), which long arrays share that differ in the middle."""
    numpy = pytest.importorskip("numpy")
    task = defer(numpy.arange, 4000)
    chosen = numpy.arange(2000)
    other = chosen.copy()
    other[1000] = 3999
    assert str(chosen) == str(other)
    first, second = evaluate(defer(lambda *args: args, task[chosen], task[other]))
    assert (first[1000], second[1000]) == (1000, 3999)
