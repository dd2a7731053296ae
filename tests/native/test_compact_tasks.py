"""What a task keeps in few bytes is what it was given."""

import enum
import gc
import sys
import weakref

import pytest

from jug import _native
from jug._native import TaskCore


class Task(TaskCore):
    """The smallest subclass."""


class Own(int):
    """An int with more than its number."""


class Level(enum.IntEnum):
    LOW = 1


def f(*args, **kwargs):
    """A function with a name."""


EDGES = [edge + step for edge in (0, 2**30, 2**31, 2**62, 2**63, 2**64) for step in (-2, -1, 0, 1, 2)]
NUMBERS = sorted({*EDGES, *(-edge for edge in EDGES), 257, -6, 10**30, -(10**30)})


@pytest.mark.parametrize("number", NUMBERS)
def test_an_int_stays_the_int_that_it_was(number):
    for args in ((number,), (number, "x"), ("x", number), (number, number), (number, 1, 2)):
        task = Task(f, *args)
        assert task.args == args
        assert [type(arg) for arg in task.args] == [type(arg) for arg in args]
        assert _native.resolve_args(task) == (args, None)
        # What is compared with was encoded from the objects and not from what is kept.
        assert task.key() == task._fresh_key()


def test_ints_at_the_edges_have_keys_of_their_own():
    assert len({Task(f, number).key() for number in NUMBERS}) == len(NUMBERS)
    assert len({Task(f, number, 0).key() for number in NUMBERS}) == len(NUMBERS)


@pytest.mark.parametrize("value", [True, False, Own(7), Level.LOW, 1.0, None, "1", b"1"], ids=repr)
def test_what_is_no_plain_int_stays_the_object_that_it_was(value):
    assert Task(f, value).args[0] is value
    assert Task(f, 1, value).args[1] is value


def test_arguments_by_keyword_and_in_many_places_are_what_they_were():
    task = Task(f, 1, 2, 3, k=4)
    assert (task.args, task.kwargs) == ((1, 2, 3), {"k": 4})
    assert Task(f, k=4).args == ()
    assert Task(f, 1, 2, 3, k=4).key() == task.key() != Task(f, 1, 2, 3).key()


@pytest.mark.parametrize("kwargs", [{}, {"k": 1}, {"k": [1]}], ids=str)
def test_result_name_and_key_come_in_any_order(kwargs):
    result = ["a result"]
    for order in ("rnk", "rkn", "nrk", "nkr", "krn", "knr"):
        task, name = Task(f, 1, **kwargs), f"{__name__}.f"
        before = Task(f, 1, **kwargs).key()
        for step in order:
            if step == "r":
                task._result = result
            elif step == "n":
                task.name = "another"
            else:
                assert task.key() == (before if order.index("k") < order.index("n") else task._fresh_key())
            assert task._has_result() == ("r" in order[: order.index(step) + 1])
            assert task.name == ("another" if "n" in order[: order.index(step) + 1] else name)
        assert task._result is result
        assert (task.key() == before) == (order.index("k") < order.index("n"))
        assert task.kwargs == kwargs
        del task._result
        assert not task._has_result()
        assert task.name == "another"


def counted(make):
    """By how many references to an object 1000 tasks with it have changed their number, alive and dead."""
    thing = object.__new__(type("Thing", (), {"__jug_hash__": lambda self: b"thing"}))
    before = sys.getrefcount(thing)
    tasks = [make(thing) for _ in range(1000)]
    alive = sys.getrefcount(thing) - before
    del tasks
    gc.collect()
    return alive, sys.getrefcount(thing) - before


def with_result(thing, *, named):
    task = Task(f)
    if named == "before":
        task.name = "another"
    task._result = "gone before"
    task._result = thing
    if named == "after":
        task.name = "another"
    return task


@pytest.mark.parametrize(
    "make",
    [
        lambda thing: Task(f, thing),
        lambda thing: Task(f, 5, thing),
        lambda thing: with_result(thing, named=None),
        lambda thing: with_result(thing, named="before"),
        lambda thing: with_result(thing, named="after"),
    ],
    ids=["only argument", "second argument", "result", "result of a named task", "result that was named"],
)
def test_a_task_has_one_reference_to_an_object_and_gives_it_back(make):
    assert counted(make) == (1000, 0)


class Ring:
    """What refers to its task."""

    task = None

    def __jug_hash__(self):
        return b"ring"


def ring_of(place):
    ring = Ring()
    if place == "result":
        ring.task = Task(f)
        ring.task._result = ring
    elif place == "result of a named task":
        ring.task = Task(f, k=1)
        ring.task.name = "another"
        ring.task._result = ring
    elif place == "origin":
        _native.set_origin(ring)
        ring.task = Task(f)
    else:
        args = {"first": (ring,), "second": (1, ring), "many": (1, 2, 3, ring), "keyword": ()}[place]
        ring.task = Task(f, *args, **({"k": ring} if place == "keyword" else {}))
    return weakref.ref(ring.task)


@pytest.mark.parametrize(
    "place", ["first", "second", "many", "keyword", "origin", "result", "result of a named task"]
)
def test_a_cycle_through_any_part_of_a_task_is_seen_by_the_collector(place):
    origin = Task(f)._origin
    try:
        seen = ring_of(place)
    finally:
        _native.set_origin(origin)
    alive = seen()
    assert alive is not None
    assert any(isinstance(part, Ring) for part in reachable(alive))


def reachable(task):
    """What the collector finds behind a task, two steps far."""
    near = gc.get_referents(task)
    return [
        *near,
        *(far for part in near if isinstance(part, tuple | dict) for far in gc.get_referents(part)),
    ]
