"""`jug explain` names the argument in which a task differs from the nearest one that has a result."""

from __future__ import annotations

import textwrap

import pytest

from tests.support.command import Jug

HEAD = """
    import dataclasses
    import datetime
    import decimal
    import enum
    import os
    import pathlib

    import numpy as np
    from jug import TaskGenerator
    from jug.task import Tasklet

    @dataclasses.dataclass
    class Model:
        depth: int
        rates: list

    class Mode(enum.Enum):
        FAST = 1
        EXACT = 2

    class Plain:
        def __init__(self, seed):
            self.seed = seed

    @TaskGenerator
    def load(path, rows=10):
        return [path, rows]

    @TaskGenerator
    def clean(table, options):
        return table

    def middle(table):
        return table

    LETTERS = "abcdefghij" * 10
"""

#: A task that has a result, one like it that has none, and what is said of the difference.
CASES = {
    "number": ("f(1, 2)", "f(1, 3)", "argument 2: 3, there 2"),
    "text": ("f('a.csv')", "f('b.csv')", "argument 1: 'b.csv', there 'a.csv'"),
    "long_text": (
        "f(LETTERS)",
        "f(LETTERS[:70] + 'X' + LETTERS[71:])",
        "argument 1 from character 70 on: 'fghijabcdefghijXbcdefghijabcde', "
        "there 'fghijabcdefghijabcdefghijabcde'",
    ),
    "element_of_a_list": ("f([1, 2, 3])", "f([1, 5, 3])", "argument 1 [1]: 5, there 2"),
    "longer_list": ("f([1, 2, 3])", "f([1, 2])", "argument 1 [2]: nothing, there 3"),
    "value_in_dicts": (
        "f(0, {'model': {'alpha': 0.2, 'beta': 1}})",
        "f(0, {'model': {'alpha': 0.1, 'beta': 1}})",
        'argument 2 ["model"]["alpha"]: 0.1, there 0.2',
    ),
    "key_of_a_dict": ("f({'a': 1})", "f({'a': 1, 'b': 2})", 'argument 1 ["b"]: 2, there nothing'),
    "missing_keyword": ("f(1, scale=2)", "f(1)", "argument scale=: nothing, there 2"),
    "default_given": (
        "load('a', 10)",
        "load('a')",
        "argument 2: nothing, there 10; the function would get the same, but arguments count as they are "
        "given",
    ),
    "other_keyword": (
        "f(low=1)",
        "f(high=1)",
        "argument high=: 1, there nothing; argument low=: nothing, there 1",
    ),
    "element_of_an_array": (
        "f(np.arange(12.).reshape(3, 4))",
        "f(np.where(np.arange(12).reshape(3, 4) == 6, 0.5, np.arange(12.).reshape(3, 4)))",
        "argument 1 [1, 2]: 0.5, there 6.0",
    ),
    "shape_of_an_array": (
        "f(np.zeros((2, 3)))",
        "f(np.zeros((3, 2)))",
        "argument 1 .shape: (3, 2), there (2, 3)",
    ),
    "dtype_of_an_array": (
        "f(np.zeros(3))",
        "f(np.zeros(3, 'f4'))",
        "argument 1 .dtype: float32, there float64",
    ),
    "negative_zero_in_an_array": (
        "f(np.array([1, 0.]))",
        "f(np.array([1, -0.]))",
        "argument 1 [1]: -0.0, there 0.0",
    ),
    "set": ("f({1, 2})", "f({1, 3})", "argument 1: with 3, there with 2"),
    "frozen_set": ("f(frozenset('ab'))", "f(frozenset('a'))", "argument 1: without 'b', there with 'b'"),
    "field_of_a_dataclass": (
        "f(Model(3, [0.1, 0.2]))",
        "f(Model(3, [0.1, 0.3]))",
        "argument 1 .rates[1]: 0.3, there 0.2",
    ),
    "attribute": ("f(Plain(1))", "f(Plain(2))", "argument 1 .seed: 2, there 1"),
    "task_and_value": ("f(3)", "f(load('x'))", "argument 1: jugfile.load('x') 9ccf81bb, there 3"),
    "another_task": (
        "f(load('x'))",
        "f(clean(load('x'), 1))",
        "argument 1: jugfile.clean(jugfile.load(...), 1) 51e55f38, there jugfile.load('x') 9ccf81bb",
    ),
    "task_of_another_argument": (
        "f([clean(load('x', 1), {'drop': True})])",
        "f([clean(load('x', 2), {'drop': True})])",
        "argument 1 [0] > jugfile.clean argument 1 > jugfile.load argument 2: 2, there 1",
    ),
    "order_of_a_tuple": ("f((1, 2))", "f((2, 1))", "argument 1 [0]: 2, there 1"),
    "bool_and_int": ("f(1)", "f(True)", "argument 1: True (bool), there 1 (int)"),
    "float_and_int": ("f(1)", "f(1.0)", "argument 1: 1.0 (float), there 1 (int)"),
    "floats_that_are_near": ("f(0.3)", "f(0.1 + 0.2)", "argument 1: 0.30000000000000004, there 0.3"),
    "numpy_scalar": (
        "f(1.5)",
        "f(np.float64(1.5))",
        "argument 1: np.float64(1.5) (float64), there 1.5 (float)",
    ),
    "bytes": ("f(b'ab')", "f('ab')", "argument 1: 'ab' (str), there b'ab' (bytes)"),
    "date": (
        "f(datetime.date(2026, 3, 1))",
        "f(datetime.date(2026, 3, 2))",
        "argument 1: datetime.date(2026, 3, 2), there datetime.date(2026, 3, 1)",
    ),
    "path": ("f('a/b')", "f(pathlib.Path('a/b'))", "argument 1: PosixPath('a/b'), there 'a/b' (str)"),
    "decimal": (
        "f(decimal.Decimal('1.0'))",
        "f(decimal.Decimal('1.00'))",
        "argument 1: Decimal('1.00'), there Decimal('1.0')",
    ),
    "member": ("f(Mode.FAST)", "f(Mode.EXACT)", "argument 1: <Mode.EXACT: 2>, there <Mode.FAST: 1>"),
    "function": (
        "f(np.sum)",
        "f(sum)",
        "argument 1: builtins.sum, there numpy.sum",
    ),
    "subscript": (
        "f(load('x')[0])",
        "f(load('x')[1])",
        "argument 1: jugfile.load(...)[1], there jugfile.load(...)[0]",
    ),
    "subscript_of_another_task": (
        "f(load('x')[0])",
        "f(load('y')[0])",
        "argument 1 > jugfile.load argument 1: 'y', there 'x'",
    ),
    "none": ("f(None)", "f(0)", "argument 1: 0 (int), there None"),
    "list_and_tuple": ("f([1])", "f((1,))", "argument 1: (1,) (tuple), there [1] (list)"),
}


@pytest.fixture(scope="module")
def explained(tmp_path_factory: pytest.TempPathFactory) -> Jug:
    """`jug` beside a jugfile with a task for each case that has a result, and one like it that has none."""
    jug = Jug(tmp_path_factory.mktemp("explain"))
    source = textwrap.dedent(HEAD)
    stages: tuple[list[str], list[str]] = [], []
    for name, (stored, asked, _) in CASES.items():
        source += f"\ndef _{name}(*args, **kwargs):\n    return 0\n"
        source += f"_{name}.__name__ = _{name}.__qualname__ = 'case_{name}'\n"
        source += f"case_{name} = TaskGenerator(_{name})\n"
        for stage, call in zip(stages, (stored, asked), strict=True):
            function = "load" if call.startswith("load(") else f"case_{name}"
            stage.append(f"{function}{call.removeprefix('load').removeprefix('f')}\n")
    jug.write("".join([source, *stages[0]]))
    done = jug("execute", "--will-cite")
    assert done.returncode == 0, done.stderr
    jug.write("".join([source, *stages[0], *stages[1]]))
    return jug


@pytest.mark.parametrize("name", CASES)
def test_the_argument_that_differs_is_named_with_both_values(explained: Jug, name: str) -> None:
    """Each of these cases is what somebody asks who wonders why a task runs again."""
    _, asked, words = CASES[name]
    done = explained("explain", "load" if asked.startswith("load(") else f"case_{name}")
    assert (done.returncode, done.stderr) == (0, "")
    [line] = [line for line in done.stdout.splitlines() if line.startswith("  nearest ")][:1]
    assert line.partition(" has a result: ")[2] == words


def test_fewer_arguments_that_differ_are_nearer_than_values_that_are_near(jug: Jug) -> None:
    """And among those with as many, what is nearer in value."""
    source = "from jug import TaskGenerator\n@TaskGenerator\ndef f(*args):\n    return 0\n"
    source += "f(1.0, 'abcdefghij'), f(100.0, 'abcdefghij'), f(1.41, 'abcdefghiX'), f(0.5, 'abcdefghij')\n"
    jug.write(source)
    jug("execute")
    jug.write(f"{source}f(1.4, 'abcdefghij')\n")
    found = [
        line.partition(" has a result: ")[2]
        for line in jug("explain", "f").stdout.splitlines()
        if " has a result: " in line
    ]
    assert found == [f"argument 1: 1.4, there {there}" for there in ("1.0", "0.5", "100.0")]
