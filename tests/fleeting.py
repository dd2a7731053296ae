"""Values that are in another state in each process, or once somebody looked at them, and stay the same."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import scipy.stats
from sklearn.model_selection import RandomizedSearchCV
from sklearn.svm import SVC

from jug import _native


@numba.njit
def square(x):
    return x * x


@numba.njit
def cube(x):
    return x * x * x


@numba.vectorize
def doubled(x):
    return 2 * x


@numba.guvectorize("(n)->(n)")
def copied(x, y):
    y[:] = x


def draw(value: Any) -> None:
    """Brings the global generators into another state."""
    random.random()
    np.random.random()


def space() -> dict[str, Any]:
    return {"C": scipy.stats.loguniform(1, 10), "gamma": scipy.stats.uniform()}


# How each is made, and what is done with it that makes it no other value.
SAMPLES: dict[str, tuple[Callable[[], Any], Callable[[Any], object]]] = {
    "random.gauss": (lambda: random.gauss, draw),
    "random.random": (lambda: random.random, draw),
    "numpy.random.normal": (lambda: np.random.normal, draw),
    "a dict of global draws": (lambda: {"a": np.random.normal, "b": [random.gauss]}, draw),
    "the generator of numpy.random": (lambda: np.random.mtrand._rand, draw),
    "its bits": (lambda: np.random.Generator(np.random.get_bit_generator()), draw),
    "the generator of random": (lambda: random._inst, draw),
    "scipy.stats.norm": (lambda: scipy.stats.norm, lambda value: value.rvs(3)),
    "scipy.stats.dirichlet": (lambda: scipy.stats.dirichlet, draw),
    "a frozen distribution": (lambda: scipy.stats.norm(0, 1), lambda value: (value.rvs(3), value.sf(1))),
    "a frozen discrete one": (lambda: scipy.stats.poisson(3), lambda value: value.rvs(3)),
    "one of several dimensions": (
        lambda: scipy.stats.multivariate_normal([0, 1]),
        lambda value: value.rvs(3),
    ),
    "one of a histogram": (lambda: scipy.stats.rv_histogram(np.histogram([1, 2, 4])), draw),
    "a search space": (space, draw),
    "a search": (lambda: RandomizedSearchCV(SVC(), space()), draw),
    "a function of numba": (lambda: square, lambda value: value(3)),
    "a ufunc of numba": (lambda: doubled, lambda value: value(np.arange(3.0))),
    "a generalised ufunc of numba": (lambda: copied, lambda value: value(np.arange(3.0), np.zeros(3))),
}


def print_keys() -> None:
    """Prints the key of each sample as JSON, after it was looked at."""
    keys = {}
    for name, (make, look) in SAMPLES.items():
        value = make()
        look(value)
        keys[name] = _native.key(value).hex()
    json.dump(keys, sys.stdout)
