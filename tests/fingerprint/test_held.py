"""What a callable object holds beside its code counts."""

from __future__ import annotations

import functools

import pytest

from tests.fingerprint.projects import found, is_other

HELPERS = """
def app(f, x):
    return f(x)

def step(x):
    return x + 1

def other(x):
    return x + 2

class Model:
    def __init__(self, rate, parts=()):
        self.rate = rate
        self.parts = parts
        self.runs = 0
    def go(self, x):
        self.runs += 1
        return x * self.rate
    def __call__(self, x):
        return self.go(x)

def make(n, table=None):
    def inner(x, k=n, *, t=table):
        return x + k
    return inner

def capture(value):
    def inner(x):
        return value["a"](x)
    return inner

def remember(f):
    cache = {}
    def inner(x):
        if x not in cache:
            cache[x] = f(x)
        return cache[x]
    return inner

"""


def test_a_function_that_a_partial_has_as_an_argument_is_followed():
    def ask(module):
        return functools.partial(module.app, module.step)

    assert is_other(HELPERS, "x + 1", "x - 1", ask)
    assert not is_other(HELPERS, "x + 2", "x - 2", ask)


def test_functions_in_containers_that_are_captured_are_followed():
    def ask(module):
        return module.capture({"a": module.step, "b": [module.Model(module.make)]})

    assert is_other(HELPERS, "x + 1", "x - 1", ask)
    assert is_other(HELPERS, "x + k", "x - k", ask)
    assert not is_other(HELPERS, "x + 2", "x - 2", ask)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (lambda m: m.make(3), lambda m: m.make(4)),
        (lambda m: m.make(3, 1), lambda m: m.make(3, 2)),
        (lambda m: m.Model(3), lambda m: m.Model(4)),
        (lambda m: m.Model(3).go, lambda m: m.Model(4).go),
        (lambda m: m.Model(3, [m.Model(1)]).go, lambda m: m.Model(3, [m.Model(2)]).go),
        (lambda m: m.capture({"a": m.step}), lambda m: m.capture({"a": m.other})),
        (lambda m: functools.partial(m.app, m.step), lambda m: functools.partial(m.app, m.other)),
        (lambda m: functools.partial(m.step, k=1), lambda m: functools.partial(m.step, k=2)),
        (
            lambda m: functools.partial(m.app, functools.partial(m.make(1), 1)),
            lambda m: functools.partial(m.app, functools.partial(m.make(2), 1)),
        ),
        (lambda m: m.capture([m.make(1), m.make(2)]), lambda m: m.capture([m.make(1), m.make(3)])),
        (lambda m: m.capture([m.make(1), m.make(2)]), lambda m: m.capture([m.make(3), m.make(2)])),
        (lambda m: m.capture({1: 2}), lambda m: m.capture({1: 2.0})),
    ],
)
def test_other_values_are_other_code_and_the_same_are_not(one, other):
    assert found(HELPERS, one).digest == found(HELPERS, one).digest
    assert found(HELPERS, one).digest != found(HELPERS, other).digest


def test_what_an_object_changes_of_itself_while_it_runs_is_left_out_and_named():
    def ask(module):
        model = module.Model(3)
        model.go(1)
        return model.go

    assert found(HELPERS, ask).digest == found(HELPERS, lambda module: module.Model(3).go).digest
    assert found(HELPERS, ask).unwatched == ["project.Model.runs is written while tasks run"]


def test_what_a_function_changes_of_what_it_captured_is_left_out_and_named():
    def ask(module):
        function = module.remember(module.step)
        function(1)
        return function

    assert found(HELPERS, ask).digest == found(HELPERS, lambda module: module.remember(module.step)).digest
    assert is_other(HELPERS, "x + 1", "x - 1", ask)
    assert found(HELPERS, ask).unwatched == [
        "what project.remember.<locals>.inner holds as cache is changed while tasks run"
    ]


def test_an_object_without_a_state_counts_with_its_class():
    source = "class A:\n    def f(self):\n        return 1\n"
    assert found(source, lambda module: module.A().f).digest == found(source, lambda m: m.A.f).digest


def test_what_refers_to_itself_ends():
    def ask(module):
        parts = []
        parts.append(parts)
        model = module.Model(parts)
        model.parts = {"whole": model}
        return module.capture(model)

    assert found(HELPERS, ask).digest == found(HELPERS, ask).digest


def test_a_value_of_a_library_in_an_object_is_named():
    [line, _] = found(HELPERS, lambda module: module.Model(__import__("random").Random(1)).go).unwatched
    assert line == "Model.go, self holds a random.Random"
