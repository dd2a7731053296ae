"""Keys of values whose state is not their value: that of the process, or what a look at them filled in."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.stats

from jug._native import key
from tests import fleeting
from tests.key_values import different

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("name", fleeting.SAMPLES)
def test_what_a_look_changes_is_no_part_of_a_key(name):
    make, look = fleeting.SAMPLES[name]
    value = make()
    before = key(value)
    look(value)
    assert key(value) == before == key(make())


def test_keys_of_what_has_another_state_in_each_process_are_the_same():
    command = [sys.executable, "-c", "from tests.fleeting import print_keys; print_keys()"]
    out = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert json.loads(out) == {name: key(make()).hex() for name, (make, _) in fleeting.SAMPLES.items()}


def test_a_generator_of_ones_own_is_told_by_its_state():
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


def test_functions_of_numba_are_told_by_their_names():
    assert different(fleeting.square, fleeting.cube, fleeting.square.py_func, fleeting.doubled)


def test_a_function_of_numba_made_by_a_function_is_refused():
    def inner(x):
        return x

    with pytest.raises(TypeError, match=r"<locals>.inner, which is made anew by each call"):
        key(fleeting.numba.njit(inner))
