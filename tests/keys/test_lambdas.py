"""Keys of lambdas, where they are allowed."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

from jug import _native
from jug._native import key
from tests.support.key_values import f


def test_lambdas_are_identified_by_what_they_do():
    def capture(value):
        return lambda x: x + value

    def keyed(*functions):
        return [_native.lambda_key(function) for function in functions]

    # Each on a line of its own: where a lambda stands does not matter.
    same = keyed(
        lambda x: x + 1,
        lambda x: x + 1,
    )
    assert same[0] == same[1]
    assert keyed(capture(1)) == keyed(capture(1)) != keyed(capture(2))
    others = keyed(
        lambda x: x + 1,
        lambda x: x + 2,
        lambda x: x - 1,
        lambda x: x.a,
        lambda x: x.b,
        lambda x, y=1: x + y,
        lambda x, y=2: x + y,
        lambda x, *, y=2: x + y,
        lambda x: (lambda z: z + 1)(x),
        lambda x: (lambda z: z + 2)(x),
        lambda x: x in {"a", "b"},
        capture(lambda x: 1),
        capture(lambda x: 2),
        capture(threading.Lock()),
        f,
    )
    assert len(set(others)) == len(others)
    assert keyed(capture(threading.Lock())) == keyed(capture(threading.Lock()))
    assert _native.lambda_key(f) == key(f)


def test_the_key_of_a_lambda_does_not_depend_on_the_hash_seed():
    code = "from jug import _native; print(_native.lambda_key(lambda x: x in {'a', 'b', 'c', 'd'}).hex())"
    runs = [
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in "123"
    ]
    assert runs[0] == runs[1] == runs[2] != b""
