"""Tasks in containers beside list, tuple and dict: replaced by their results, or refused by name."""

from __future__ import annotations

import collections
import dataclasses
import functools
import types
import typing
from typing import Any

import numpy as np
import pandas as pd
import pytest

from jug import _native
from jug._native import TaskCore
from jug.task import Tasklet
from jug.unsafe import NoHash
from jug.utils import CustomHash

Pair = collections.namedtuple("Pair", "left right")


class Typed(typing.NamedTuple):
    left: Any
    right: Any = 5


class Noted(Pair):
    """A namedtuple that may have attributes."""


@dataclasses.dataclass
class Job:
    x: Any
    y: Any = 0

    def __post_init__(self):
        self.y += 1


@dataclasses.dataclass(frozen=True)
class Frozen:
    x: Any
    total: int = dataclasses.field(init=False)

    def __post_init__(self):
        object.__setattr__(self, "total", 7)


@dataclasses.dataclass(frozen=True, slots=True)
class Slotted:
    x: Any
    __hidden: Any = 3


@dataclasses.dataclass(slots=True)
class HalfSlotted(Job):
    z: Any = None


@dataclasses.dataclass
class Node:
    name: str
    held: Any = None
    links: list[Any] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Pickled:
    x: Any

    def __getstate__(self):
        return {"kept": self.x}


@dataclasses.dataclass
class Hashed:
    x: Any

    def __jug_hash__(self):
        return b"hashed"


@dataclasses.dataclass
class DataList(list):  # type: ignore[type-arg]
    x: Any


class Plain:
    def __init__(self, x):
        self.x = x

    def method(self):
        """A method."""


class Slots:
    __slots__ = ("x",)


class OwnList(list):  # type: ignore[type-arg]
    pass


class OwnDict(dict):  # type: ignore[type-arg]
    pass


class OwnOrderedDict(collections.OrderedDict):  # type: ignore[type-arg]
    pass


class OwnSet(set):  # type: ignore[type-arg]
    pass


class Task(TaskCore):
    """The smallest task that has a value."""

    def value(self):
        return self._result


def f(*args, **kwargs):
    """A function with a name."""


def done(value):
    """A task with a result."""
    task = Task(f, value)
    task._result = value
    return task


def slots(x):
    value = Slots()
    value.x = x
    return value


def half_slotted(x):
    value = HalfSlotted(x, z=[x])
    value.y = x
    return value


def noted(x):
    value = Noted(x, 1)
    value.unit = "m"
    return value


def counted(x):
    value = collections.Counter()
    value["a"] = x
    return value


def moved(x):
    value = collections.OrderedDict(a=1, b=x, c=3)
    value.move_to_end("a")
    value.unit = "m"
    return value


CONTAINERS = {
    "OrderedDict": lambda x: collections.OrderedDict(a=x, b=1),
    "OrderedDict in another order, with an attribute": moved,
    "defaultdict": lambda x: collections.defaultdict(list, {1: [x]}),
    "Counter": counted,
    "deque": lambda x: collections.deque([1, x], maxlen=2),
    "namedtuple": lambda x: Pair(1, [x]),
    "NamedTuple": lambda x: Typed(x),
    "namedtuple with an attribute": noted,
    "SimpleNamespace": lambda x: types.SimpleNamespace(a=x, b=2),
    "dataclass": lambda x: Job(x),
    "frozen dataclass": lambda x: Frozen({"k": (x,)}),
    "frozen dataclass with slots": lambda x: Slotted(x),
    "dataclass with slots and a dict": half_slotted,
    "slice": lambda x: slice(x, None, 2),
    "one in another": lambda x: Job(collections.OrderedDict(a=Pair(x, Slotted(x)))),
    "in a list": lambda x: [{"a": Job(x)}, 1],
}

NOT_LOOKED_INTO = {
    "a key of a dict": (lambda t: {t: 1}, "", "a key of a dict"),
    "a key of an OrderedDict": (lambda t: collections.OrderedDict([((1, t), 1)]), "[1]", "a key of a dict"),
    "an object": (Plain, ".x", f"an object of class {__name__}.Plain"),
    "an object with slots": (slots, ".x", f"an object of class {__name__}.Slots"),
    "an object in a dataclass": (
        lambda t: [Job({"a": [Plain(t)]})],
        "[0].x['a'][0].x",
        f"an object of class {__name__}.Plain",
    ),
    "an object in a namedtuple": (
        lambda t: Pair(1, Plain([t])),
        ".right.x[0]",
        f"an object of class {__name__}.Plain",
    ),
    "an object in a namespace": (
        lambda t: types.SimpleNamespace(a=Plain(t)),
        ".a.x",
        f"an object of class {__name__}.Plain",
    ),
    "a set in an object": (lambda t: Plain({t}), ".x", f"an object of class {__name__}.Plain"),
    "an object in a set": (lambda t: {Plain(t)}, ".x", f"an object of class {__name__}.Plain"),
    "a dataclass in a set": (lambda t: {Frozen(t)}, ".x", f"an object of class {__name__}.Frozen"),
    "a set of another class": (lambda t: OwnSet([t]), "", f"an object of class {__name__}.OwnSet"),
    "a list of another class": (lambda t: OwnList([1, t]), "[1]", f"an object of class {__name__}.OwnList"),
    "a dict of another class": (lambda t: OwnDict(a=t), "['a']", f"an object of class {__name__}.OwnDict"),
    "an OrderedDict of another class": (
        lambda t: OwnOrderedDict(a=t),
        "['a']",
        f"an object of class {__name__}.OwnOrderedDict",
    ),
    "a dataclass that is a list": (DataList, ".x", f"an object of class {__name__}.DataList"),
    "a mapping proxy": (
        lambda t: types.MappingProxyType({"a": t}),
        "['a']",
        "an object of class mappingproxy",
    ),
    "a partial": (lambda t: functools.partial(f, t), "[0]", "an object of class functools.partial"),
    "a method": (lambda t: Plain(t).method, ".x", "an object of class method"),
    "an array of objects": (
        lambda t: np.array([1, t], dtype=object),
        "[1]",
        "an object of class numpy.ndarray",
    ),
    "a series": (lambda t: pd.Series([1, t]), "[1]", "an object of class pandas"),
    "a frame": (lambda t: pd.DataFrame({"a": [t]}), "[0]", "an object of class pandas"),
    "a tasklet in an object": (lambda t: Plain(Tasklet(t, f)), ".x", f"an object of class {__name__}.Plain"),
}


def shown(value):
    """All of a value as text; two that show alike are of the same classes and hold the same."""
    if isinstance(value, (list, tuple, set, collections.deque)):
        text = [shown(each) for each in value]
    elif isinstance(value, dict):
        text = [(shown(k), shown(v)) for k, v in value.items()]
    elif isinstance(value, types.SimpleNamespace):
        text = shown(vars(value))
    else:
        text = repr(value)
    factory = getattr(value, "default_factory", None), getattr(value, "maxlen", None)
    return type(value).__name__, text, factory, getattr(value, "__dict__", None) and repr(vars(value))


@pytest.mark.parametrize("name", CONTAINERS)
def test_tasks_in_a_container_are_dependencies_and_handed_over_as_their_results(name):
    make, inner = CONTAINERS[name], done(4)
    task = Task(f, make(inner), k=make(inner))
    assert task._identify()[1] == [inner]
    assert task.direct_dependencies() == [inner]
    (resolved,), keywords = _native.resolve_args(task)
    assert shown(resolved) == shown(keywords["k"]) == shown(make(4))
    assert shown(_native.resolve(make(inner))) == shown(make(4))
    assert _native.parts(make(inner))


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_container_without_tasks_is_handed_over_as_it_is(name):
    value = CONTAINERS[name](4)
    if type(value) is not list:
        assert _native.resolve(value) is value
        assert shown(_native.resolve_args(Task(f, value))[0][0]) == shown(value)


@pytest.mark.parametrize("name", CONTAINERS)
def test_the_key_of_a_container_shows_which_tasks_it_holds(name):
    make = CONTAINERS[name]
    keys = [Task(f, make(done(n))).key() for n in (1, 1, 2)]
    assert keys[0] == keys[1] != keys[2]
    assert len({keys[0], keys[2], Task(f, make(1)).key()}) == 3


@pytest.mark.parametrize("name", NOT_LOOKED_INTO)
def test_a_task_in_anything_else_is_refused_by_name(name):
    make, where, holder = NOT_LOOKED_INTO[name]
    task = Task(f, 0, make(done(1)))
    with pytest.raises(TypeError) as caught:
        task.key()
    message = str(caught.value)
    at = f" (at {where})" if where else ""
    assert f"of task {__name__}.f: argument 2 holds the task {__name__}.f{at}, which" in message
    assert f"because {holder}" in message
    assert "\n" not in message


def test_what_says_itself_what_it_depends_on_goes_on_as_it_is():
    class Own:
        def __init__(self, held):
            self.held = Plain(held)

        def __jug_dependencies__(self):
            return [self.held.x]

        def __reduce__(self):
            return Plain, (self.held,)

    inner = done(1)
    for value in (Own(inner), CustomHash(Plain(inner), lambda _: b"1"), NoHash({inner: 1}), Hashed(inner)):
        assert len(Task(f, value).key()) == 32
    assert Task(f, Own(inner)).direct_dependencies() == [inner]
    held = collections.OrderedDict(a=NoHash(Job(inner)))
    task = Task(f, held)
    assert task._identify()[1] == [inner]
    assert _native.resolve_args(task)[0][0]["a"].x == 1
    assert task.key() != Task(f, collections.OrderedDict(a=b"nohash")).key()


def test_a_dataclass_with_a_pickle_of_its_own_is_refused():
    with pytest.raises(TypeError, match=r"at \[1\]\.x\.kept\).*Pickled is not looked into"):
        Task(f, [Pickled(1), Job(Pickled(done(1)))]).key()


def test_a_hash_that_is_asked_for_is_given_whatever_holds_the_task():
    inner = done(1)
    for value in (Plain(inner), {inner: 1}, functools.partial(f, inner), OwnList([inner])):
        assert len(_native.key(value)) == 32


def test_an_object_that_is_there_twice_is_one_copy():
    job = Job(done(1))
    first, second = _native.resolve([job, {"k": job}])
    assert first is second["k"]
    assert first is not job
    assert first.x == 1
    assert isinstance(job.x, Task)


def test_objects_that_refer_to_one_another_become_others_that_do():
    parent = Node("parent", done(1))
    child = Node("child", links=[parent])
    parent.links.append(child)
    for start in (parent, child):
        resolved = _native.resolve(start)
        there = resolved.links[0].links[0]
        assert there is resolved
        assert {resolved.name, resolved.links[0].name} == {"parent", "child"}
        assert {resolved.held, resolved.links[0].held} == {1, None}
    task = Task(f, child)
    assert task._identify()[1] == task.direct_dependencies() == [parent.held]


def test_a_web_of_objects_takes_no_time():
    nodes = [Node(str(n)) for n in range(60)]
    for node in nodes:
        node.links = nodes
    assert _native.resolve(nodes[0]) is nodes[0]
    nodes[-1].held = done(1)
    resolved = _native.resolve(nodes[0])
    assert resolved.links[-1].held == 1
    task = Task(f, NoHash(nodes))
    task.key()
    assert task.direct_dependencies() == [nodes[-1].held]


def test_a_long_chain_without_tasks_is_returned_as_it_is():
    chain = None
    for n in range(10_000):
        chain = Node(str(n), chain)
    assert _native.resolve(chain) is chain
    while chain is not None:  # Freed link by link: Python would do it by recursion.
        chain.held, chain = None, chain.held


def test_a_container_nested_some_hundred_deep_is_looked_into():
    value = done(1)
    for _ in range(180):
        value = Job(value)
    task = Task(f, value)
    assert len(task._identify()[1]) == 1
    (resolved,), _ = _native.resolve_args(task)
    for _ in range(180):
        resolved = resolved.x
    assert resolved == 1
