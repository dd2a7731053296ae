"""Keys of one value of every supported type: they hold for ever, in every process."""

from __future__ import annotations

import copy
import json
import os
import pickle
import subprocess
import sys

import pytest

from jug._native import TaskCore, key
from tests.support.key_values import GOLDEN, samples

golden = json.loads(samples.FILE.read_text())


def test_every_sample_is_on_file():
    assert set(golden) == set(samples.SAMPLES)


@pytest.mark.parametrize("name", samples.SAMPLES)
def test_a_key_never_changes(name):
    assert samples.keys_of(samples.SAMPLES[name]()) == golden[name]


def test_different_values_have_different_keys():
    now = [keys if isinstance(keys, str) else keys[-1] for keys in golden.values()]
    assert len(set(now)) == len(golden)


@pytest.mark.parametrize("name", sorted(set(samples.SAMPLES) - samples.NOT_COPIED))
def test_a_copy_has_the_same_key(name):
    value = samples.SAMPLES[name]()
    if not isinstance(value, TaskCore) and not name.startswith("task in"):
        assert key(copy.deepcopy(value)) == key(value)
        assert key([value, value]) == key([value, copy.deepcopy(value)])


@pytest.mark.parametrize("name", sorted(set(samples.SAMPLES) - samples.NOT_COPIED))
def test_what_was_pickled_has_the_same_key(name):
    value = samples.SAMPLES[name]()
    if not name.startswith("task"):
        assert key(pickle.loads(pickle.dumps(value))) == key(value)


@pytest.mark.parametrize("seed", ["0", "1", "random"])
def test_no_key_depends_on_the_process_or_its_hash_seed(seed):
    environment = os.environ | {"PYTHONHASHSEED": seed}
    command = [sys.executable, str(GOLDEN), "--print"]
    out = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    assert json.loads(out) == golden
