"""Keys under this Python, numpy and pandas are those on file, but for what docs/upgrades.md says.

``./dev upgrades`` does the same with other versions, in environments of their own.
"""

from __future__ import annotations

import copy
import json
import subprocess
import sys

import pytest

from tests.support.paths import ROOT
from tests.upgrades import compare, page, promises

VERSIONS = ("python", "numpy", "pandas")


@pytest.fixture(scope="module")
def measured():
    """Keys in a process that has imported nothing else."""
    words = [sys.executable, "-W", "ignore", "-m", "tests.upgrades.keys"]
    return json.loads(subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout)


def test_keys_are_those_on_file_or_change_as_the_page_says(measured):
    assert compare.as_promised(measured, compare.golden()) == []


def test_no_two_things_have_one_key(measured):
    assert measured["clashes"] == []


def test_a_key_that_changes_without_a_promise_is_named():
    known = compare.golden()
    other = copy.deepcopy(known)
    other["keys"]["paths"]["parents"] = "00"
    assert compare.as_promised(other, known) == ["paths: parents: changes"]
    assert compare.kept(other, known)["paths"] == (
        len(known["keys"]["paths"]) - 1,
        len(known["keys"]["paths"]),
    )


def test_a_key_that_stays_where_it_was_to_change_is_named():
    known = compare.golden()
    older = {**known, "python": "3.14.0"}
    assert "types of typing: Optional: stays" in compare.as_promised(older, known)
    assert "types of typing: int | str: stays" not in compare.as_promised(older, known)


def test_a_kind_that_is_not_on_file_is_named():
    known = compare.golden()
    other = copy.deepcopy(known)
    other["keys"]["paths"]["new"] = "00"
    assert compare.as_promised(other, known) == ["paths: new: not in upgrades.json"]


def test_every_promise_is_about_a_kind_that_there_is():
    kinds = {(family, kind) for family, values in compare.golden()["keys"].items() for kind in values}
    assert {(it.family, kind) for it in promises.PROMISES for kind in it.kinds} <= kinds


def test_the_page_lists_what_changes():
    assert page.changes() in (ROOT / "docs" / "upgrades.md").read_text()
