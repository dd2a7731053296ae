"""Values that are in another state in each process, or once somebody looked at them, and stay the same."""

from __future__ import annotations

import contextlib
import functools
import ipaddress
import json
import random
import sys
import types
from collections.abc import Callable
from typing import Any

import networkx
import numba
import numpy as np
import pydantic
import scipy.sparse
import scipy.stats
import xarray
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


class Circle:
    """A class that remembers what it has computed."""

    def __init__(self, radius: float) -> None:
        self.radius = radius

    @functools.cached_property
    def area(self) -> float:
        return 3 * self.radius**2

    @functools.cached_property
    def view(self) -> types.SimpleNamespace:
        return types.SimpleNamespace(circle=self)

    @functools.cached_property
    def lookup(self) -> Callable[[int], int]:
        return lambda n: n


class Slotted(Circle):
    __slots__ = ("name",)


class Model(pydantic.BaseModel):
    number: int = 1
    names: list[str] = []

    @functools.cached_property
    def total(self) -> int:
        return self.number + len(self.names)


class OpenModel(pydantic.BaseModel, extra="allow"):
    number: int = 1


def slotted() -> Slotted:
    made = Slotted(2)
    made.name = "a circle"
    return made


def graph() -> Any:
    made = networkx.Graph()
    made.add_edge("a", "b", weight=2)
    return made


def look_at_all(value: Any) -> None:
    """Looks at every attribute there is."""
    for name in dir(value):
        if not name.startswith("__"):
            with contextlib.suppress(Exception):
                getattr(value, name)


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
    "cached properties": (lambda: Circle(2), look_at_all),
    "cached properties beside slots": (slotted, look_at_all),
    "cached properties within": (lambda: [{"a": Circle(2)}], lambda value: look_at_all(value[0]["a"])),
    "an IP network": (lambda: ipaddress.ip_network("10.0.0.0/8"), look_at_all),
    "a masked array": (lambda: np.ma.array([1, 2, 3], mask=[0, 1, 0]), look_at_all),
    "a masked array of texts": (lambda: np.ma.array(["a", "b"], mask=[0, 1]), look_at_all),
    "a masked array of objects": (lambda: np.ma.array([1, "a"], mask=[0, 1], dtype=object), look_at_all),
    "a masked array of dates": (
        lambda: np.ma.array(np.array(["2024-02-29"], "M8[D]"), mask=[1]),
        look_at_all,
    ),
    "a masked structured array": (
        lambda: np.ma.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
        look_at_all,
    ),
    "a sparse matrix": (lambda: scipy.sparse.csr_matrix(np.eye(3)), look_at_all),
    "a sparse array": (lambda: scipy.sparse.bsr_array(np.eye(4)), look_at_all),
    "a distribution of today": (
        lambda: scipy.stats.Normal(mu=0.0, sigma=1.0),
        lambda value: (value.mean(), value.moment(2), value.cdf(0.1), value.support(), look_at_all(value)),
    ),
    "xarray.DataArray": (
        lambda: xarray.DataArray([1, 2], dims=["x"], coords={"x": ["a", "b"]}, name="n"),
        lambda value: (look_at_all(value), look_at_all(value.variable), look_at_all(value.x.variable)),
    ),
    "xarray.Dataset": (
        lambda: xarray.Dataset({"a": ("x", [1, 2])}, coords={"x": [3, 4]}),
        lambda value: (look_at_all(value), look_at_all(value.a.variable)),
    ),
    "networkx.Graph": (graph, look_at_all),
    "networkx.DiGraph": (lambda: networkx.DiGraph([(1, 2), (2, 3)]), look_at_all),
    "a model": (lambda: Model(number=2), look_at_all),
}


def print_keys() -> None:
    """Prints the key of each sample as JSON, after it was looked at."""
    keys = {}
    for name, (make, look) in SAMPLES.items():
        value = make()
        look(value)
        keys[name] = _native.key(value).hex()
    json.dump(keys, sys.stdout)
