"""Values that have no key are refused in one line that says which."""

from __future__ import annotations

import collections
import functools
import math
import os
import socket
import threading

import numpy as np
import pytest

from jug._native import TaskCore, key
from tests.support.key_values import f, samples


def test_a_class_that_hides_its_module_is_refused():
    hidden = type("Hidden", (), {})
    hidden.__module__ = None
    with pytest.raises(TypeError, match="belongs to no module"):
        key(hidden())


def local_function():
    def inner():
        """A function made by a function."""

    return inner


def local_object():
    class Inner:
        """A class made by a function."""

    return Inner()


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: lambda: 1, "a lambda"),
        (local_function, "local_function.<locals>.inner"),
        (local_object, "local_object.<locals>.Inner"),
        (lambda: open(os.devnull), "an open file"),  # noqa: SIM115
        (lambda: (i for i in []), "a generator"),
        (threading.Lock, "a lock"),
        (socket.socket, "a socket"),
        (lambda: {}.keys(), "dict_keys"),
        (lambda: np.frompyfunc(math.hypot, 2, 1), "ufunc"),
        (lambda: functools.partial(lambda: 1), "a lambda"),
        (lambda: samples.Generator(lambda: 1), "a lambda"),
        (lambda: collections.defaultdict(lambda: 0), "a lambda"),
    ],
)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_what_cannot_be_distinguished_is_refused_in_one_line(make, what):
    value = make()
    name = f"{f.__module__}.f"
    for call, says in [
        (lambda: key(value), "a value"),
        (lambda: key([value]), "holds"),
        (lambda: TaskCore(f, 0, value).key(), f"task {name}: argument 2"),
        (lambda: TaskCore(f, k=(value,)).key(), f"task {name}: argument k= holds"),
    ]:
        with pytest.raises(TypeError) as error:
            call()
        message = str(error.value)
        assert what in message
        assert says in message
        assert "; " in message
        assert "\n" not in message
    if hasattr(value, "close"):
        value.close()
