"""The code of functions is computed once for all that hold the same."""

from __future__ import annotations

import functools

from jug.configuration import Options, default_options
from jug.engine.code_watch import CodeWatch


def make(n, table=None):
    def inner(x, k=n):
        return x, k, table

    return inner


def recursive(n):
    def inner(x):
        return inner(x - n) if x else 0

    return inner


def computed(functions):
    watch = CodeWatch(Options(default_options))
    for function in functions:
        watch.code_of(function)
    return watch.computed


def test_functions_that_hold_equal_values_are_looked_at_once():
    assert computed([make(1) for _ in range(5)]) == 1
    assert computed([functools.partial(make(1), 2) for _ in range(5)]) == 1
    assert computed([make(make(1)) for _ in range(5)]) == 1


def test_functions_that_hold_other_values_are_looked_at_each():
    assert computed([make(1), make(2), make(1.0), make(True), make(0.0), make(-0.0)]) == 6
    assert computed([make(1, [n]) for n in range(3)]) == 3
    assert computed([functools.partial(make(1), n) for n in range(3)]) == 3


def test_a_function_that_holds_itself_is_looked_at():
    function = recursive(1)
    assert computed([function, function]) == 1
