"""Stores, values and functions for tests of what tasks get for their inputs."""

import numpy as np
import pandas as pd

from jug.backends.base import base_lock, base_store
from jug.backends.dict_store import dict_store
from jug.jug import ExecutionState, execution_loop
from jug.options import parse

LARGE = 100_000


class OwnStore(base_store):
    """A user's store that keeps the very objects."""

    def __init__(self):
        self.held = {}
        self.inner = dict_store()

    def dump(self, object, name):
        self.held[bytes(name)] = object

    def load(self, name):
        return self.held[bytes(name)]

    def can_load(self, name):
        return bytes(name) in self.held

    def list(self):
        return iter(list(self.held))

    def listlocks(self):
        return self.inner.listlocks()

    def getlock(self, name) -> base_lock:
        return self.inner.getlock(name)

    def remove(self, name):
        return self.held.pop(bytes(name), None) is not None

    def cleanup(self, active, keeplocks=False):
        return 0

    def remove_locks(self):
        return self.inner.remove_locks()

    def close(self):
        pass


class BareStore:
    """The same without a base class."""

    def __init__(self):
        store = OwnStore()
        for name in (
            "dump",
            "load",
            "can_load",
            "list",
            "listlocks",
            "getlock",
            "remove",
            "cleanup",
            "close",
        ):
            setattr(self, name, getattr(store, name))


def run(*tasks):
    """Runs tasks as a worker does; none of them may fail."""
    state = ExecutionState()
    execution_loop(list(tasks), parse(["execute", "--will-cite", "--nr-wait-cycles", "0"]), state)
    assert not state.failed


def make(kind):
    """A value of a kind, as a task returns it."""
    values = {
        "list": [1, [2, 3]],
        "long": list(range(LARGE)),
        "dict": {"a": [1]},
        "array": np.arange(4.0),
        "large": np.arange(float(LARGE)),
        "fortran": np.asfortranarray(np.arange(float(LARGE)).reshape(100, -1)),
        "fields": np.zeros(LARGE, dtype=[("a", "i4"), ("b", "f8")]),
        "frame": pd.DataFrame({"a": range(3)}),
        "in a tuple": (1, [2]),
    }
    return values[kind]


def spoil(value):
    """What a value was, before it is changed in its place."""
    before = repr(value)
    if isinstance(value, tuple):
        value = value[1]
    if isinstance(value, list):
        value.clear()
    elif isinstance(value, dict):
        value["a"].clear()
    elif isinstance(value, pd.DataFrame):
        value["a"] = 0
    else:
        value[...] = np.ones((), value.dtype)
    return before


def spoil_again(value, _):
    return spoil(value)


def number_of_again(x, _):
    return len(x)
