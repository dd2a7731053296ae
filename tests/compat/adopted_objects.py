"""A jugfile with arguments whose pickle, and with it their key in jug 2.7, changes by a look at them.

They are before a barrier, behind it, and behind a second one; some are shared by several tasks.
"""

import configparser
import functools

import pandas as pd

from jug import Task, barrier, value
from jug.hash import hash_one


def tagged(x, tag):
    return tag


def add(a, b):
    return a + b


class Box:
    def __init__(self, content):
        self.content = content


def parser():
    made = configparser.ConfigParser()
    made.read_string("[a]\nx=1\n[b]\ny=2\n")
    return made


class Remembers:
    """Computes its hash once, and has no pickle."""

    def __init__(self, content):
        self.content = content
        self.known = None

    def __jug_hash__(self):
        if self.known is None:
            self.known = hash_one(("remembered", self.content))
        return self.known

    def __reduce__(self):
        raise TypeError("it has no pickle")


class Tidy:
    """Keeps equal texts once when it is pickled by a protocol that jug 2.7 does not use."""

    def __init__(self):
        self.words = ["".join(("two", "words")) for _ in range(2)]

    def __reduce_ex__(self, protocol):
        if protocol > 4:
            self.words = self.words[:1] * 2
        return (Tidy, (), {"words": self.words})


def nullable():
    return pd.DataFrame(
        {1: pd.array([1, None, 3], dtype="Int64"), 2: pd.array([1.5, None, 2], dtype="Float64")}
    )


MAKERS = {
    "partial": lambda: functools.partial(add, 1, b=2),
    "numbers": lambda: pd.array([1, None, 3], dtype="Int64"),
    "floats": lambda: pd.array([1.5, None, 3], dtype="Float64"),
    "small": lambda: pd.array([1, None, 3], dtype="UInt8"),
    "booleans": lambda: pd.array([True, None], dtype="boolean"),
    "frame": nullable,
    "column": lambda: nullable()[1],
    "rows": lambda: nullable().set_index(1),
    "levels": lambda: pd.MultiIndex.from_product([[1, 2], [3, 4]]),
    "periods": lambda: pd.period_range("2020", periods=3, freq="M"),
    "intervals": lambda: pd.interval_range(0, 3),
    "sparse": lambda: pd.arrays.SparseArray([0, 0, 1]),
    "zone": lambda: pd.Series(pd.date_range("2020", periods=3, tz="UTC")),
    "parser": parser,
    "box": lambda: Box([parser(), nullable()]),
}
shared = nullable()
shared_parser = parser()
shared_hash = Remembers("everywhere")
dated = pd.DataFrame([[1, 2], [3, 4]], columns=pd.date_range("2020", periods=2))


def tasks(place):
    made = [Task(tagged, make(), f"{name} {place}") for name, make in MAKERS.items()]
    made += [Task(tagged, shared, f"shared {place}"), Task(tagged, [shared, shared_parser], f"both {place}")]
    remembering = Remembers(place)
    made += [
        Task(tagged, remembering, f"hash {place}"),
        Task(tagged, [remembering], f"hash in a list {place}"),
    ]
    made += [Task(tagged, shared_hash, f"shared hash {place}")]
    tidy = Tidy()
    made += [
        Task(tagged, tidy, f"tidy {place}"),
        Task(tagged, [tidy], f"tidy in a list {place}"),
    ]
    made += [Task(tagged, dated, f"dated {place}"), Task(tagged, {"of": dated}, f"dated in a dict {place}")]
    return [*made, Task(tagged, {"parser": shared_parser}, f"shared parser {place}")]


first = tasks("before")
barrier()
behind = tasks("behind")
barrier()
assert value(behind[0]) == "partial behind"
last = tasks("last")
