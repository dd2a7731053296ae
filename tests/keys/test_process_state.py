"""Keys of values whose state is not their value: that of the process, or what a look at them filled in."""

from __future__ import annotations

import json
import random
import subprocess
import sys

import numpy as np
import pytest
import scipy.stats

from jug._native import key
from tests.support import stateful_values
from tests.support.key_values import different
from tests.support.paths import ROOT


@pytest.mark.parametrize("name", stateful_values.SAMPLES)
def test_what_a_look_changes_is_no_part_of_a_key(name):
    make, look = stateful_values.SAMPLES[name]
    value = make()
    before = key(value)
    look(value)
    assert key(value) == before == key(make())


def test_keys_of_what_has_another_state_in_each_process_are_the_same():
    command = [sys.executable, "-c", "from tests.support.stateful_values import print_keys; print_keys()"]
    out = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert json.loads(out) == {name: key(make()).hex() for name, (make, _) in stateful_values.SAMPLES.items()}


def test_a_generator_of_ones_own_is_identified_by_its_state():
    for make, draw in [
        (lambda: random.Random(1), lambda own: own.random()),
        (lambda: np.random.RandomState(1), lambda own: own.rand()),
        (lambda: np.random.default_rng(1), lambda own: own.random()),
    ]:
        own = make()
        assert key(own) == key(make())
        draw(own)
        assert different(own, make(), random._inst, np.random.mtrand._rand)
    assert different(
        random.Random(1).gauss, random.Random(2).gauss, random.gauss, random.random,
        np.random.RandomState(1).normal, np.random.RandomState(2).normal, np.random.normal, np.random.uniform,
    )  # fmt: skip
    seeded = scipy.stats.norm(0, 1)
    seeded.random_state = 5
    assert different(
        seeded, scipy.stats.norm(0, 1), scipy.stats.norm(0, 2), scipy.stats.norm, scipy.stats.uniform
    )


def test_functions_of_numba_are_identified_by_their_names():
    assert different(
        stateful_values.square, stateful_values.cube, stateful_values.square.py_func, stateful_values.doubled
    )


def test_a_function_of_numba_made_by_a_function_is_refused():
    def inner(x):
        return x

    with pytest.raises(TypeError, match=r"<locals>.inner, which is made again by each call"):
        key(stateful_values.numba.njit(inner))


def test_what_is_assigned_in_the_place_of_a_cached_property_counts():
    computed, assigned, other = (stateful_values.Circle(2) for _ in range(3))
    assert computed.area == 12
    assigned.area, other.area = 12.5, "unknown"
    assert different(computed, assigned, other)
    assigned.area = 12
    assert key(assigned) == key(computed) == key(stateful_values.Circle(2))


def test_what_a_cached_property_was_computed_of_counts():
    one, other = stateful_values.Circle(2), stateful_values.Circle(3)
    stateful_values.look_at_all(one)
    assert different(one, other)
    stale = stateful_values.Circle(2)
    stateful_values.look_at_all(stale)
    stale.radius = 3
    assert different(stale, one, other)


def test_a_graph_is_identified_by_its_edges_however_it_was_made():
    made = stateful_values.networkx.Graph([("a", "b", {"weight": 2})])
    assert key(made) == key(stateful_values.graph())
    made.edges["a", "b"]["weight"] = 3
    assert different(
        made, stateful_values.graph(), stateful_values.networkx.DiGraph([("a", "b", {"weight": 2})])
    )


def test_which_fields_of_a_model_were_given_does_not_count():
    assert (
        key(stateful_values.Model())
        == key(stateful_values.Model(number=1))
        == key(stateful_values.Model(number=1, names=[]))
    )
    assert different(
        stateful_values.Model(), stateful_values.Model(number=2), stateful_values.Model(names=["a"])
    )
    assert key(stateful_values.OpenModel(more=1)) == key(stateful_values.OpenModel(number=1, more=1))
    assert different(
        stateful_values.OpenModel(more=1), stateful_values.OpenModel(more=2), stateful_values.OpenModel()
    )


def test_a_fill_value_that_was_chosen_counts():
    def masked(**options):
        return np.ma.array([1, 2, 3], mask=[0, 1, 0], **options)

    assert key(masked()) == key(masked(fill_value=999999))
    assert different(masked(), masked(fill_value=0), masked(fill_value=9))


def test_attributes_that_were_given_to_an_array_of_xarray_count():
    plain, noted = (stateful_values.xarray.DataArray([1, 2]) for _ in range(2))
    noted.attrs["unit"] = "m"
    assert different(plain, noted)
