"""A jugfile with results of every kind, and with every reason for which tasks appear late or not at all."""

import numpy as np

import jug.mapreduce
from jug import (
    CachedFunction,
    CompoundTaskGenerator,
    Task,
    TaskGenerator,
    barrier,
    bvalue,
    iteratetask,
    return_tuple,
    value,
)
from jug.utils import cached_glob, identity


class Point:
    """A class that lives in the jugfile."""

    def __init__(self, x):
        self.x = x

    def __repr__(self):
        return f"Point({self.x!r})"


@TaskGenerator
def point(x):
    return Point(x)


@TaskGenerator
def nothing(x):
    return None


@TaskGenerator
def double(x):
    return 2 * x


@TaskGenerator
def array(kind):
    made = {
        "large": lambda: np.arange(100_000.0),
        "fortran": lambda: np.asfortranarray(np.arange(6).reshape(2, 3)),
        "objects": lambda: np.array([1, "a", None], dtype=object),
        "dates": lambda: np.array(["2020-01-01"], dtype="M8[D]"),
        "fields": lambda: np.array([(1, 2.5)], dtype=[("i", "i4"), ("f", ">f8")]),
        "point": lambda: np.array(3),
        "empty": lambda: np.zeros((0, 3)),
        "masked": lambda: np.ma.masked_array([1, 2], [True, False]),
    }
    return made[kind]()


@TaskGenerator
def total(*xs):
    return sum(xs)


@return_tuple(2)
@TaskGenerator
def halves(text):
    return text[: len(text) // 2], text[len(text) // 2 :]


@CompoundTaskGenerator
def summed(n):
    return total(*[double(i) for i in range(n)])


def calls(n):
    with open("calls.txt", "a") as out:
        out.write(f"{n}\n")
    return n


points = [point(i) for i in range(3)]
nothings = nothing(points[0])
arrays = [
    array(kind) for kind in ("large", "fortran", "objects", "dates", "fields", "point", "empty", "masked")
]
left, right = halves("result")
joined = total(*iteratetask(point_list := identity([1, 2]), 2))
mapped = jug.mapreduce.map(double, range(10), map_step=3)
folded = jug.mapreduce.mapreduce(total, double, list(range(20)))
text = double("x" * 2000)
called = CachedFunction(calls, 7)
globbed = cached_glob("*.none")
whole = summed(5)

how_many = bvalue(double(3))
after = [double(i + 0.5) for i in range(how_many)]
barrier()
behind = double(value(after[0]))
last = total(behind, whole, mapped[4], Task(sum, mapped[2:5]))
