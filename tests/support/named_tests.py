"""Whether tests that are named elsewhere, as ``path::name``, are there and run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.support.paths import ROOT

__all__ = ["missing"]

#: A test in Rust: its attributes, among them ``#[test]``, and its name; or what a macro makes a test of.
_RUST_TEST = re.compile(
    r"^ *(?:((?:#\[.*\]\s+)*#\[test\]\s+(?:#\[.*\]\s+)*)fn (\w+)\(|fn (\w+)\(\) =)", re.MULTILINE
)


def missing(tests: Iterable[str]) -> list[str]:
    """Those of the tests that neither ``cargo test`` nor pytest would run.

    Parameters
    ----------
    tests : iterable of str
        Such as ``tests/core/hash.rs::there_is_one_nan_and_two_zeros`` or
        ``tests/test_hash.py::test_a_hash_is_made_of_pairs``.
        Without its parameters a test in Python stands for all that it is run with.
    """
    named = set(tests)
    in_rust = {test for test in named if ".rs::" in test}
    files = {test.partition("::")[0] for test in named - in_rust}
    there = set(_rust_tests(ROOT / "tests" / "core" / "main.rs")) | (_python_tests(files) if files else set())
    return sorted(named - there)


def _rust_tests(file: Path) -> Iterator[str]:
    """The tests of a module and of those below it, but for those that other tests start (``#[ignore]``)."""
    text = file.read_text()
    for attributes, name, made_by_macro in _RUST_TEST.findall(text):
        if "#[ignore" not in attributes:
            yield f"{file.relative_to(ROOT)}::{name or made_by_macro}"
    inside = file.parent if file.name in {"main.rs", "mod.rs"} else file.with_suffix("")
    # What lies elsewhere by its `#[path]` has no tests.
    for module in re.findall(r"^(?:pub\(crate\) )?mod (\w+);", text, re.MULTILINE):
        for below in (inside / f"{module}.rs", inside / module / "mod.rs"):
            if below.is_file():
                yield from _rust_tests(below)


def _python_tests(files: Iterable[str]) -> set[str]:
    """What pytest collects from the files, with parameters and without."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--collect-only",
        "-q",
        "-p",
        "no:cacheprovider",
        *sorted(files),
    ]
    # What the developer asks of pytest may print other lines.
    environment = {**os.environ, "PYTEST_ADDOPTS": ""}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    ids = {line for line in done.stdout.splitlines() if re.match(r"tests/[\w/]+\.py::", line)}
    return ids | {test.partition("[")[0] for test in ids}
