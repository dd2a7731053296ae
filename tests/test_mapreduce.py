"""Map and reduce: the tasks they make, and the sequences they return."""

import functools
import operator
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

import jug
from jug import TaskGenerator, mapreduce, value
from jug.mapreduce import block_access, block_access_slice


@pytest.fixture(autouse=True)
def in_memory(jug_clean):
    """A store in memory."""
    jug.set_jugdir("dict_store")


def square(x):
    return x * x


def add(x, y):
    return x + y


@TaskGenerator
def increment(x):
    return x + 1


@TaskGenerator
def join(x, y):
    return x + y


def run_all():
    for task in jug.task.alltasks:
        if not task.can_load():
            task.run()


def names():
    return Counter(task.name for task in jug.task.alltasks)


@pytest.mark.parametrize("map_step", [1, 3, 4, 10, 100])
def test_map_gives_every_result_in_order(map_step):
    results = mapreduce.map(square, list(range(10)), map_step)
    run_all()
    assert value(results) == [n * n for n in range(10)]
    assert len(results) == 10
    assert [value(results[i]) for i in range(10)] == [n * n for n in range(10)]


def test_map_makes_one_task_of_every_map_step_elements():
    mapreduce.map(square, range(10))
    assert names() == {"jug.mapreduce._jug_map": 3}


def test_map_with_a_step_of_one_is_a_plain_list_of_the_functions_own_tasks():
    results = mapreduce.map(square, [3, 4], map_step=1)
    assert type(results) is list
    assert names() == {f"{__name__}.square": 2}


def test_map_takes_a_task_generator():
    results = mapreduce.map(increment, range(5), map_step=2)
    run_all()
    assert value(results) == [1, 2, 3, 4, 5]


def test_map_over_nothing_is_empty():
    assert value(mapreduce.map(square, [])) == []
    assert not jug.task.alltasks


@given(st.integers(0, 20), st.slices(20), st.slices(20), st.integers(1, 6))
def test_slices_of_slices_are_those_of_a_list(n, first, second, map_step):
    results = block_access(
        [list(range(start, min(start + map_step, n))) for start in range(0, n, map_step)], map_step, n
    )
    expected = list(range(n))
    assert value(results[first]) == expected[first]
    assert value(results[first][second]) == expected[first][second]
    assert len(results[first][second]) == len(expected[first][second])


@pytest.mark.parametrize("index", [10, -11, 1000])
def test_an_index_outside_is_an_index_error(index):
    results = mapreduce.map(square, range(10))
    with pytest.raises(IndexError, match="out of range"):
        results[index]
    with pytest.raises(IndexError, match="out of range"):
        results[:][index]


def test_negative_indexes_count_from_the_end():
    results = mapreduce.map(square, range(10))
    run_all()
    assert value(results[-1]) == 81
    assert value(results[2:6][-1]) == 25
    with pytest.raises(TypeError):
        results["a"]


def test_a_slice_depends_on_the_blocks_that_it_touches():
    results = mapreduce.map(square, range(12))
    part = increment(results[5:7])
    assert isinstance(results[5:7], block_access_slice)
    assert list(part.dependencies()) == [results.blocks[1]]
    results.blocks[1].run()
    assert part.can_run()
    assert results[5:7].can_load()
    assert not results.can_load()


def test_equal_results_are_the_same_argument():
    first, second = (mapreduce.map(square, list(range(10))) for _ in range(2))
    assert increment(first).hash() == increment(second).hash()
    assert increment(first[2:]).hash() == increment(second[2:]).hash()
    assert increment(first[2:]).hash() != increment(first[3:]).hash()
    assert increment(first).hash() != increment(first[:]).hash()


def test_the_results_of_a_map_can_be_mapped_again():
    results = mapreduce.map(increment, mapreduce.map(square, range(10)), map_step=3)
    run_all()
    assert value(results) == [n * n + 1 for n in range(10)]


@pytest.mark.parametrize("n", [1, 2, 5, 16, 17, 50])
@pytest.mark.parametrize(("map_step", "reduce_step"), [(1, 2), (2, 3), (4, 8), (3, 2)])
def test_mapreduce_is_reduce_over_map(n, map_step, reduce_step):
    total = mapreduce.mapreduce(add, square, range(n), map_step, reduce_step)
    run_all()
    assert value(total) == sum(k * k for k in range(n))


# Counted under jug 2.7.0.
@pytest.mark.parametrize(
    ("n", "map_step", "reduce_step", "first_level", "others"),
    [
        (1, 1, 2, 1, 0),
        (5, 1, 2, 5, 6),
        (16, 4, 3, 4, 3),
        (17, 1, 8, 17, 4),
        (50, 4, 2, 13, 14),
        (50, 2, 8, 25, 5),
    ],
)
def test_the_tree_of_a_mapreduce_has_the_tasks_that_jug_makes(n, map_step, reduce_step, first_level, others):
    mapreduce.mapreduce(add, square, range(n), map_step, reduce_step)
    assert names()["jug.mapreduce._jug_map_reduce"] == first_level
    assert names()["jug.mapreduce._jug_reduce"] == others


def test_reduce_keeps_the_order_of_its_inputs():
    words = list("abcdefghijklmnopqrstuvwxyz" * 3)
    joined = mapreduce.reduce(operator.add, words)
    run_all()
    assert value(joined) == "".join(words)


def test_reduce_takes_task_generators_and_tasks():
    total = mapreduce.reduce(join, [increment(n) for n in range(20)])
    run_all()
    assert value(total) == functools.reduce(operator.add, range(1, 21))


def test_reducing_nothing_is_an_empty_list():
    task = mapreduce.reduce(add, [])
    assert task.name == "identity"
    assert task.run() == []


def test_a_long_reduction_does_not_recurse():
    task = mapreduce.reduce(add, list(range(20_000)), reduce_step=2)
    run_all()
    assert value(task) == sum(range(20_000))


@pytest.mark.parametrize(
    "call",
    [
        lambda: mapreduce.map(square, range(5), 0),
        lambda: mapreduce.currymap(add, [(1, 2)], -1),
        lambda: mapreduce.mapreduce(add, square, range(5), 0),
        lambda: mapreduce.reduce(add, range(5), 1),
    ],
)
def test_steps_that_lead_nowhere_are_value_errors(call):
    with pytest.raises(ValueError, match=r"must be at least [12]"):
        call()


@pytest.mark.parametrize("map_step", [1, 2, 4])
def test_currymap_spreads_each_element(map_step):
    results = mapreduce.currymap(add, [(1, 2), (3, 4), (5, 6)], map_step)
    run_all()
    assert value(results) == [3, 7, 11]


def test_break_up_gives_slices():
    assert list(mapreduce._break_up(range(7), 3)) == [range(3), range(3, 6), range(6, 7)]
    assert list(mapreduce._break_up("abcde", 2)) == ["ab", "cd", "e"]
