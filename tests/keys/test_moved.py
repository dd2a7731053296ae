"""Names that other versions of Python, numpy and pandas have elsewhere: one key, wherever it is."""

from __future__ import annotations

import cProfile
import importlib
import inspect
import pathlib
import random
import re
import subprocess
import sys
import types
import zipfile
from collections.abc import Iterator

import numpy as np
import pytest

from jug import _native
from jug._native import TaskCore, key
from tests.support.key_values import different, f
from tests.support.paths import ROOT
from tests.upgrades import keys
from tests.upgrades.compare import golden

SOURCE = (ROOT / "src" / "py" / "keys" / "moved.rs").read_text()
ROWS = [
    (before, now, re.findall(r'"([^"]+)"', names))
    for before, now, names in re.findall(
        r'^    \("([^"]+)", "([^"]+)", &\[([^\]]+)\]\),', SOURCE, re.MULTILINE
    )
]
#: What is in the code and not in the table.
OTHERS = [
    ("numpy.core.function_base", "numpy.lib", ["add_newdoc"]),
    ("numpy.random.mtrand", "numpy.random", ["RandomState.normal"]),
    ("zipfile._path", "zipfile", ["Path", "Path.read_text", "CompleteDirs.namelist"]),
    ("math.integer", "math", ["gcd"]),
    ("_py_warnings", "warnings", ["showwarning"]),
]
#: What is called by another name, too: both modules and names.
RENAMED = [
    ("re", "PatternError", "re", "error"),
    ("re", "prefixmatch", "re", "match"),
    *re.findall(r'^    \("([^"]+)", "([^"]+)", "([^"]+)", "([^"]+)"\),', SOURCE, re.MULTILINE),
]


def named(module: str, name: str) -> types.FunctionType:
    """A function that is called so."""
    made = types.FunctionType(f.__code__, {})
    made.__module__, made.__name__, made.__qualname__ = module, name.rpartition(".")[2], name
    return made


def all_moves() -> Iterator[tuple[str, str, str]]:
    """Where it was, where it is, and its name."""
    for before, now, names in [*ROWS, *OTHERS]:
        for name in names:
            yield before, now, name


def test_a_name_that_moved_has_the_key_of_where_it_is():
    assert len(ROWS) > 100
    for before, now, name in all_moves():
        assert key(named(before, name)) == key(named(now, name)), (before, name)
        classes = [type(name, (), {"__module__": module, "__qualname__": name}) for module in (before, now)]
        assert key(classes[0]) == key(classes[1]), (before, name)
    assert len(RENAMED) > 5
    for before, name, now, renamed in RENAMED:
        assert key(named(before, name)) == key(named(now, renamed)), (before, name)


def test_the_table_is_in_order_and_nothing_in_it_is_moved_twice():
    assert [before for before, _, _ in ROWS] == sorted(before for before, _, _ in ROWS)
    places = {(before, name) for before, _, name in all_moves()}
    assert not {(now, name) for _, now, name in all_moves()} & places
    assert len(places) == len(list(all_moves()))


def test_what_is_found_where_keys_were_written_down_is_not_moved():
    if any(keys.version(name) != golden()[name] for name in ("numpy", "pandas")):
        pytest.skip("other versions of numpy or pandas")
    for before, now, name in all_moves():
        try:
            found = getattr(importlib.import_module(before), name, None)
        except ImportError:
            continue
        its = (getattr(found, "__module__", None), getattr(found, "__qualname__", None))
        assert its != (before, name), (before, now, name)


def test_what_has_another_name_is_nothing_else_where_keys_were_written_down():
    if any(keys.version(name) != golden()[name] for name in ("numpy", "pandas")):
        pytest.skip("other versions")
    for before, name, _, _ in RENAMED:
        if before == "re" and sys.version_info[:2] != (3, 11):
            continue
        found = getattr(importlib.import_module(before), name, None)
        its = (getattr(found, "__module__", None), getattr(found, "__qualname__", None))
        assert its != (before, name), (before, name)


#: Fails if what a module of one's own has is taken for what Python has under another name.
OWN = """
import sys, types
from jug._native import TaskCore, key

def named(function, module):
    made = types.FunctionType(function.__code__, {}, function.__name__)
    made.__module__ = module
    return made

from profiling.tracing import Profile, run
assert key(run) == key(named(run, run.__module__)) != key(named(run, "cProfile"))
assert TaskCore(run, 1).key() != TaskCore(named(run, "cProfile"), 1).key()
assert key(Profile) != key(type("Profile", (), {"__module__": "cProfile"}))
if "annotationlib" not in sys.stdlib_module_names:
    from annotationlib import get_annotations
    assert key(get_annotations) != key(named(get_annotations, "inspect"))
"""


def test_a_package_of_the_name_of_a_later_one_of_pythons_is_the_users_own(tmp_path):
    (tmp_path / "profiling").mkdir()
    (tmp_path / "profiling" / "__init__.py").touch()
    (tmp_path / "profiling" / "tracing.py").write_text(
        "def run(n): ...\nclass Profile:\n    def run(self): ...\n"
    )
    if "annotationlib" not in sys.stdlib_module_names:
        (tmp_path / "annotationlib.py").write_text("def get_annotations(n): ...\n")
    (tmp_path / "own.py").write_text(OWN)
    subprocess.run([sys.executable, "own.py"], cwd=tmp_path, check=True, timeout=60)


def test_what_python_has_in_a_later_package_is_written_under_its_former_name():
    assert key(cProfile.run) == key(named("cProfile", "run"))
    assert key(cProfile.Profile.runcall) == key(named("cProfile", "Profile.runcall"))
    assert key(inspect.get_annotations) == key(named("inspect", "get_annotations"))


def test_a_task_of_a_method_of_a_path_has_the_name_that_it_has_here():
    tasks = [
        TaskCore(named(module, "read_text"), "a") for module in ("pathlib", "pathlib._local", "pathlib._abc")
    ]
    assert len({it.key() for it in tasks}) == 1


def test_methods_of_paths_are_those_of_the_class_that_has_them_here():
    assert key(pathlib.Path.cwd) == key(types.MethodType(named("pathlib", "Path.cwd"), pathlib.Path))
    assert key(pathlib.Path.as_uri) == key(named("pathlib", "PurePath.as_uri"))
    assert key(named("pathlib", "Path.as_uri")) == key(named("pathlib", "PurePath.as_uri"))
    assert key(zipfile.Path.read_text) == key(named("zipfile", "Path.read_text"))


@pytest.mark.parametrize("name", ["Generator", "RandomState", "PCG64"])
def test_methods_of_generators_are_functions_of_a_module(name):
    method = {"Generator": "normal", "RandomState": "normal", "PCG64": "jumped"}[name]
    module = {
        "Generator": "numpy.random._generator",
        "RandomState": "numpy.random",
        "PCG64": "numpy.random._pcg64",
    }
    function = named(module[name], f"{name}.{method}")
    made = {"Generator": np.random.default_rng(7)}.get(name) or getattr(np.random, name)(7)
    assert key(getattr(getattr(np.random, name), method)) == key(function)
    assert key(getattr(made, method)) == key(types.MethodType(function, made))


def test_of_one_name_in_another_module_nothing_is_moved():
    assert different(
        *(
            named(module, "read_csv")
            for module in ("pandas", "pandas.io", "pandas.io.parsers.readers_", "pandas_")
        )
    )
    assert different(named("pandas.io.parsers.readers", "read_csv_"), named("pandas", "read_csv_"))
    assert different(named("re", "PatternError_"), named("re", "error"))


def test_a_task_is_named_by_where_its_function_is_and_shows_where_it_was():
    before, now = (
        TaskCore(named(module, "read_csv"), "a.csv") for module in ("pandas.io.parsers.readers", "pandas")
    )
    assert before.key() == now.key()
    assert before.name == "pandas.io.parsers.readers.read_csv"
    assert TaskCore(named("pandas", "read_table"), "a.csv").key() != now.key()


def test_tasks_in_a_row_of_one_function_that_moved_have_keys_of_their_own():
    function = named("pandas.core.reshape.concat", "concat")
    tasks = [TaskCore(function, n) for n in range(3)]
    others = [TaskCore(named("pandas", "concat"), n) for n in range(3)]
    assert [it.key() for it in tasks] == [it.key() for it in others]
    assert len({it.key() for it in tasks}) == 3


def test_the_key_of_where_it_was_is_still_known():
    before = named("pandas.io.parsers.readers", "read_csv")
    former = _native.former_key(before)
    assert former is not None
    assert former != key(before)
    assert _native.former_key(named("pandas", "read_csv")) is None


def test_modules_are_not_taken_for_those_that_have_what_is_in_them():
    import pandas as pd
    import pandas.core.frame

    assert different(np, np.rec, np.ma, np.ma.core, np._core, np.char)
    assert different(pd, pandas.core.frame, pandas.core.indexes.base)


def test_what_has_the_name_of_something_else_in_the_package_is_another():
    base = random.Random.__mro__[1]
    assert different(np.array, np.rec.array, np.fromfile, np.rec.fromfile, np.fromstring, np.rec.fromstring)
    assert different(random.Random, base)
