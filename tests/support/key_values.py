"""What tests of keys ask of values."""

from __future__ import annotations

import copy
import importlib.util
import itertools
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jug._native import key

GOLDEN = Path(__file__).with_name("golden_keys.py")


def load_samples():
    """The samples, as a module of the name that their keys were written down with."""
    spec = importlib.util.spec_from_file_location("golden_keys", GOLDEN)
    module = importlib.util.module_from_spec(spec)
    sys.modules["golden_keys"] = module
    spec.loader.exec_module(module)
    return module


samples = load_samples()


def f(*args, **kwargs):
    """A function with a name, to make tasks of."""


def twin(value):
    """An equal value that shares nothing with the first."""
    return copy.deepcopy(value)


def different(*values):
    """Whether each of the values has a key of its own."""
    return len({key(value) for value in values}) == len(values)


def check_parts(make: Callable[[], list[Any]]) -> None:
    """Checks that values which differ in one part have keys of their own, as they have pickles."""
    values = make()
    for value, again in zip(values, make(), strict=True):
        assert key(value) == key(again), value
    for one, other in itertools.combinations(values, 2):
        assert key(one) != key(other), (one, other)
        assert key([one]) != key([other])
    pickles = [pickled for pickled in map(_pickled, values) if pickled is not None]
    # Otherwise there were nothing to be seen here.
    assert len(set(pickles)) == len(pickles)


def _pickled(value: Any) -> bytes | None:
    try:
        return pickle.dumps(value)
    except (TypeError, AttributeError, pickle.PicklingError):
        return None
