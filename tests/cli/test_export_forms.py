"""jug export: in which form a result is written."""

from __future__ import annotations

import json
import pickle

import numpy
import pandas
import polars
import pytest

from tests.support.command import Jug
from tests.support.crates import actions, exported

VALUES = """
    import numpy, pandas, polars, pyarrow
    from jug import TaskGenerator

    VALUES = {
        "text": "a\\nb\\u00e9\\r\\n",
        "octets": b"\\x00\\xff",
        "nothing": None,
        "plain": {"a": [1, 2.5, True, None], "b": {}},
        "tuple": (1, 2),
        "nan": [float("nan")],
        "keys": {1: 2},
        "surrogate": "\\udc80",
        "array": numpy.arange(6).reshape(2, 3),
        "scalar": numpy.float32(1.5),
        "objects": numpy.array([1, "a"], dtype=object),
        "frame": pandas.DataFrame({"x": [1, 2]}),
        "odd frame": pandas.DataFrame({"x": [(1, 2), 2]}),
        "polars": polars.DataFrame({"x": [1, 2]}),
        "complex": 1j,
    }
    cycle = []
    cycle.append(cycle)
    VALUES["cycle"] = cycle
    deep = []
    for _ in range(300):
        deep = [deep]
    VALUES["deep"] = deep

    @TaskGenerator
    def value(name):
        return VALUES[name]

    for name in VALUES:
        value(name)
"""


@pytest.fixture(scope="module")
def forms(tmp_path_factory):
    """By the argument of the task, the file of its result."""
    jug = Jug(tmp_path_factory.mktemp("forms"))
    jug.write(VALUES)
    assert jug("execute").returncode == 0
    crate = exported(jug, "value")
    return {
        action["object"][0]["value"].strip("'"): jug.folder / "out" / action["result"].id
        for action in actions(crate)
    }


def from_json(path):
    return json.loads(path.read_text())


def from_pickle(path):
    return pickle.loads(path.read_bytes())


@pytest.mark.parametrize(
    ("name", "ending", "read", "expected"),
    [
        ("text", "txt", lambda path: path.read_bytes(), "a\nbé\r\n".encode()),
        ("octets", "bin", lambda path: path.read_bytes(), b"\x00\xff"),
        ("nothing", "json", from_json, None),
        ("plain", "json", from_json, {"a": [1, 2.5, True, None], "b": {}}),
        ("deep", "json", lambda path: path.read_text().count("["), 301),
        ("tuple", "pickle", from_pickle, (1, 2)),
        ("keys", "pickle", from_pickle, {1: 2}),
        ("surrogate", "pickle", from_pickle, "\udc80"),
        ("complex", "pickle", from_pickle, 1j),
        ("nan", "pickle", lambda path: str(from_pickle(path)), "[nan]"),
        ("cycle", "pickle", lambda path: repr(from_pickle(path)), "[[...]]"),
        ("array", "npy", lambda path: numpy.load(path).tolist(), [[0, 1, 2], [3, 4, 5]]),
        ("scalar", "npy", lambda path: numpy.load(path)[()], numpy.float32(1.5)),
        ("objects", "pickle", lambda path: from_pickle(path).tolist(), [1, "a"]),
        ("frame", "parquet", lambda path: pandas.read_parquet(path).x.tolist(), [1, 2]),
        ("odd frame", "pickle", lambda path: from_pickle(path).x.tolist(), [(1, 2), 2]),
        ("polars", "arrow", lambda path: polars.read_ipc(path)["x"].to_list(), [1, 2]),
    ],
)
def test_a_result_is_in_the_form_that_most_programs_read(forms, name, ending, read, expected):
    path = forms[name]
    assert path.suffix == f".{ending}"
    assert read(path) == expected
