"""A jugfile with an argument of every kind that jug 2.7 tells apart, and more than one way to pass it.

Run as a program, it prints the key of each of its tasks in jug 2.7: with that package as jug itself computes
it, with this one as `jug adopt` does.
"""

import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import operator
import os
import pathlib
import sys
import uuid

import numpy as np

import jug
import jug.mapreduce
import jug.task

if hasattr(jug, "_native"):
    # What `jug adopt` does before it loads a jugfile.
    jug.task_results.before_lookup = lambda t: None
    jug._native.leave_arguments_untouched(True)

from jug import CompoundTask, CompoundTaskGenerator, Task, TaskGenerator, Tasklet, iteratetask, return_tuple
from jug.hash import hash_one, hash_update, new_hash_object
from jug.io import NoLoad, write_metadata, write_task_out
from jug.unsafe import NoHash
from jug.utils import CustomHash, identity, jug_execute, timed_path


def plain(*args, **kwargs):
    return args, kwargs


def add(a, b):
    return a + b


@TaskGenerator
def generated(*args, **kwargs):
    return args, kwargs


@TaskGenerator
def double(x):
    return 2 * x


wrapped_plain = TaskGenerator(add)


class Colour(enum.Enum):
    RED = 1


@dataclasses.dataclass
class Point:
    x: object
    y: object


class Slotted:
    __slots__ = ("a", "b")

    def __init__(self, a, b):
        self.a, self.b = a, b


class OwnList(list):
    pass


Pair = collections.namedtuple("Pair", "left right")


class Hashed:
    """Calls all three functions of jug.hash, which it imported by name."""

    def __init__(self, inner):
        self.inner = inner

    def __jug_hash__(self):
        M = new_hash_object()
        M.update(b"Hashed")
        hash_update(M, [("inner", self.inner), (3, hash_one(self.inner))])
        return M.hexdigest().encode()


class Remembers:
    """Computes its hash once."""

    def __init__(self, value):
        self.value = value
        self.known = None

    def __jug_hash__(self):
        if self.known is None:
            self.known = hash_one((self.value, np.arange(3)))
        return self.known


class AsksTheTask:
    def __init__(self, t):
        self.t = t

    def __jug_hash__(self):
        return hash_one([self.t.hash(), self.t.__jug_hash__(), self.t[0].__jug_hash__()])


def by_hand(obj):
    return hash_one({"by hand": obj})


def sorts_first(n):
    return Task(add, double(n), double(n + 1))


@CompoundTaskGenerator
def compound(n, extra=None):
    return Task(add, double(n), compound(n - 1) if n else extra)


@return_tuple(2)
@TaskGenerator
def two(x):
    return x, x


twice = "the same text twice, and too long to be interned"
base = np.arange(24, dtype="i4").reshape(4, 6)
t0 = generated()
t1 = generated(t0)
outer = 17
captured = lambda obj: obj[outer]  # noqa: E731


def capturing(n, point, unhashable=sys.stdout):
    return lambda obj, m={1, "a"}, *, k=point: (obj, n, m, k, unhashable)


VALUES = [
    *(None, True, False, 0, 1, -1, 255, 256, 2**31, 2**100, -(2**64), 0.0, -0.0, 1.5, float("inf"), 1e300),
    *(
        3 + 4j,
        "",
        "a",
        "text",
        "z\u00fc\u1234\U0001f600",
        twice,
        b"",
        b"bytes",
        bytearray(b"array"),
        ...,
        NotImplemented,
    ),
    *([], [1, 2], [[1], [2, [3, [4]]]], (), (1,), (1, (2, [3])), [(), {}], list(range(1500))),
    *({}, {"a": 1}, {"b": 1, "a": {"c": [1]}}, {1: 2, "1": 3, (1, 2): 4, None: 5}),
    *(
        set(),
        {1, 2, 3},
        {"a", "b", (1, 2)},
        frozenset(),
        frozenset({1, "x"}),
        {frozenset({1}), frozenset({2})},
    ),
    *(slice(1, 2), range(3), int, Point, add, len, operator.itemgetter(1), collections.OrderedDict(b=1, a=2)),
    *(collections.Counter("abca"), collections.defaultdict(list, {1: [2]}), collections.deque([1, 2], 3)),
    *(datetime.datetime(2020, 1, 2, 3, 4), datetime.timedelta(3), datetime.date(1999, 1, 1)),
    *(decimal.Decimal("1.10"), fractions.Fraction(1, 3), uuid.UUID(int=5), pathlib.PurePosixPath("/a/b")),
    *(Colour.RED, Point(1, [2, 3]), Point(twice, twice), Point(twice, "".join(twice)), Slotted(1, 2)),
    *(OwnList([1, 2]), Pair(1, "x"), [Pair(1, 2), Point(0, {1: 2})], functools.partial(add, 1, b=2)),
    *(
        np.float64(1.5),
        np.int8(3),
        np.bool_(True),
        np.str_("s"),
        np.dtype("f4"),
        np.array(3),
        np.array([]),
        base,
    ),
    *(
        base[::2],
        base[:, ::-1],
        base.T,
        np.asfortranarray(base),
        base[1:3, 2:4],
        base.astype(">i4"),
        base > 3,
    ),
    *(
        np.array(["a", "bcd"]),
        np.array([b"x"]),
        np.array([1, "a", None, [1, 2]], dtype=object),
        base.astype("f2"),
    ),
    *(
        np.array([(1, 2.5)], dtype=[("i", "i4"), ("f", "f8")]),
        np.zeros((2, 0, 3)),
        np.arange(6).astype("c16"),
    ),
    *(
        np.array([["a", 1], [2, None]], dtype=object),
        np.ma.masked_array([1, 2], [True, False]),
        np.matrix([[1, 2]]),
    ),
    *(np.lib.stride_tricks.as_strided(base, (3, 3), (8, 4)), np.broadcast_to(np.arange(3), (2, 3))),
    *(
        t0,
        [t0, (t1, {"k": t0})],
        {t0, t1},
        {"t": t1},
        t1[0],
        t1[1:2],
        t1[t0],
        t0["k"][2],
        iteratetask(t1, 3)[2],
    ),
    *(
        Tasklet(t0, len),
        Tasklet(t0, captured),
        Tasklet(t0, lambda obj: obj + 1),
        Tasklet(t0, lambda obj: obj + 2),
    ),
    *(
        Tasklet(t0, lambda obj: obj in {"a", "b", ("c", frozenset())}),
        Tasklet(t0, capturing(3, Point(1, 3))),
        Tasklet(t1[0], add),
    ),
    *(Tasklet(t0, lambda obj: [x for x in obj if (lambda y: y)(x)]), NoLoad(t1), two(t0)[1], two(t0)),
    *(Hashed(1), Hashed([t0, Hashed({2})]), Remembers(1), [Remembers(t1)], AsksTheTask(t1), {Hashed(3)}),
    *(CustomHash(5, by_hand), CustomHash([t1], by_hand), CustomHash(1, lambda obj: b"fixed"), NoHash(t1)),
    *(timed_path("dated"), CustomHash("dated", by_hand), double, [double, generated]),
]

for value in VALUES:
    Task(plain, value)
for value in VALUES[::7]:
    generated(1, value, named=value, another=[value])
for n in range(0, len(VALUES) - 3, 11):
    Task(plain, *VALUES[n : n + 3], **{f"k{n}": VALUES[n]})

Task(functools.partial(plain, 1, a=2, b=3), 4, b=5)
renamed = Task(plain, "renamed")
renamed.name = "another.name"
Task(plain, renamed)
large = identity([1, 2, 3])
Task(plain, identity(large))
jug_execute(["true", NoHash("-j4")], run_after=t1)
write_task_out(t1, "out", "meta")
write_metadata(t1[0], "meta", "json")
Task(plain, CompoundTask(sorts_first, 3), compound(2), [compound(1, extra=t1)])
compound.f(1)

numbers = list(range(30))
mapped = jug.mapreduce.map(double, numbers, map_step=7)
Task(
    plain,
    mapped,
    mapped[3],
    mapped[-1],
    mapped[2:9],
    mapped[::-2][1:5],
    mapped[20:3],
    [mapped[i] for i in range(4)],
)
Task(plain, jug.mapreduce.map(add, [(1, 2)], map_step=1), jug.mapreduce.map(abs, numbers))
Task(
    plain,
    jug.mapreduce.currymap(add, [(1, 2), (3, 4)] * 4),
    jug.mapreduce.currymap(double, [(1,)], map_step=1),
)
Task(plain, jug.mapreduce.reduce(add, numbers), jug.mapreduce.reduce(wrapped_plain, numbers, reduce_step=3))
Task(
    plain,
    jug.mapreduce.mapreduce(add, double, numbers),
    jug.mapreduce.mapreduce(wrapped_plain, double, numbers),
)
Task(
    plain,
    jug.mapreduce.mapreduce(add, None, []),
    jug.mapreduce.mapreduce(wrapped_plain, None, [t0, t1], 1, 2),
)
# From here on `double.f` is known to `map`, and `add` is not.
Task(plain, double.f, add)

if __name__ != "__main__" and os.environ.get("PRINT_OLD_KEYS"):
    if hasattr(jug, "_native"):
        from jug.legacy.keys import Keys

        keys = Keys()
        found = [keys.of(t) for t in jug.task.alltasks]
        # Nobody remembers a hash of the other kind.
        for t in jug.task.alltasks:
            assert hasattr(t, "whole") or t._fresh_key() == t.key(), t
    else:
        found = [t.hash() for t in jug.task.alltasks]
    for t, key in zip(jug.task.alltasks, found, strict=True):
        print("KEY", t.name, key.decode())
