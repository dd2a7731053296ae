"""What runs under each interpreter, and what it needs."""

from __future__ import annotations

__all__ = ["ALL", "GROUPS", "MORE", "PACKAGES"]

#: What each needs to run at all, and those packages of users whose values have keys of their own.
PACKAGES = (
    "pytest>=8",
    "pytest-timeout",
    "hypothesis",
    "numpy",
    "pandas",
    "pyarrow",
    "cloudpickle",
    "loky",
    "psutil",
    "pexpect",
    "pyte",
    "pyyaml",
    "rich",
    "scipy",
    "shapely",
    "tblib",
)
#: With --all: what the rest of the tests of keys and values needs.
MORE = (
    "astropy",
    "dill",
    "joblib",
    "networkx",
    "numba",
    "polars",
    "pydantic",
    "scikit-learn",
    "sympy",
    "xarray",
)
#: Files and folders of tests, by the column that they are counted in: where much depends on Python.
GROUPS = {
    "core": (
        "tests/native/test_arguments.py",
        "tests/native/test_claims.py",
        "tests/native/test_codec.py",
        "tests/native/test_task.py",
        "tests/native/test_task_runs.py",
        "tests/backends",
        "tests/execution/test_functions.py",
        "tests/fingerprint",
        "tests/test_barrier.py",
        "tests/test_compound.py",
        "tests/test_hash.py",
        "tests/test_io.py",
        "tests/test_mapreduce.py",
        "tests/test_task.py",
        "tests/test_utils.py",
    ),
    "command line": (
        "tests/cli/test_bad_input.py",
        "tests/cli/test_execute.py",
        "tests/cli/test_failures.py",
        "tests/cli/test_self_test.py",
        "tests/cli/test_status.py",
        "tests/execution/test_backends.py",
    ),
    "keys": ("tests/keys",),
}
#: With --all.
ALL = {
    "core": ("tests/native", "tests/backends", "tests/engine", *GROUPS["core"][6:]),
    "command line": ("tests/cli", "tests/execution"),
    "keys": ("tests/keys", "tests/compat/test_old_keys.py"),
}
