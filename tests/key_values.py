"""What tests of keys ask of values."""

from __future__ import annotations

import copy
import importlib.util
import sys
from pathlib import Path

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


def twin(value):
    """An equal value that shares nothing with the first."""
    return copy.deepcopy(value)


def different(*values):
    """Whether each of the values has a key of its own."""
    return len({key(value) for value in values}) == len(values)
