"""The patches in tests/mutants/ can be tried: they fit, and the tests that they name are there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mutants.patches import Patch, Unfit, invariants, read_all, table
from tests.support.named_tests import missing
from tests.support.paths import ROOT

PATCHES = read_all()
HERE = "tests/mutants/test_mutants.py"


@pytest.mark.parametrize("patch", PATCHES, ids=lambda patch: patch.name)
def test_a_patch_fits_the_code(patch: Patch) -> None:
    """What it takes away is there, and something is different afterwards."""
    for path, text in patch.applied(ROOT).items():
        assert text != (ROOT / path).read_text()


@pytest.fixture(scope="module")
def not_there() -> list[str]:
    """Those of the tests that patches name that would not run."""
    return missing(test for patch in PATCHES for test in patch.tests)


@pytest.mark.parametrize("patch", PATCHES, ids=lambda patch: patch.name)
def test_the_tests_that_a_patch_names_exist(patch: Patch, not_there: list[str]) -> None:
    """In Rust or in Python, with the parameters that it names."""
    assert patch.tests
    assert [test for test in patch.tests if test in not_there] == []


def test_a_test_that_does_not_run_is_missing() -> None:
    """What is a helper, or is started by another test, or has other parameters."""
    rust = "tests/core/os/byte_range_lock.rs"
    there = [f"{rust}::holders_of_all_kinds_are_listed", f"{HERE}::test_a_patch_fits_the_code"]
    not_there = [
        f"{HERE}::not_there",
        f"{HERE}::test_a_patch_fits_the_code[of another name]",
        f"{rust}::holds_some_bytes",
        f"{rust}::open",
    ]
    assert missing([*there, *not_there]) == sorted(not_there)


def test_every_invariant_can_be_switched_off() -> None:
    """Those of docs/architecture.md, which are S1 to S7 and C1 to C8."""
    numbered = {f"S{number}" for number in range(1, 8)} | {f"C{number}" for number in range(1, 9)}
    assert invariants() == numbered
    assert numbered <= {patch.invariant for patch in PATCHES}


def test_the_documentation_lists_all_mutants() -> None:
    """With ``python -m tests.mutants --table`` as it is now."""
    assert table(PATCHES) in (ROOT / "docs" / "reliability.md").read_text()


def test_a_patch_that_does_not_fit_is_reported(tmp_path: Path) -> None:
    """Also where what it takes away is there more than once."""
    patch = PATCHES[0]
    path, old, _ = patch.hunks[0]
    (tmp_path / path).parent.mkdir(parents=True)
    for text in ("", old + old):
        (tmp_path / path).write_text(text)
        with pytest.raises(Unfit, match=patch.name):
            patch.applied(tmp_path)
