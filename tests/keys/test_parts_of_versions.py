"""The same as tests/keys/test_parts.py, for types that versions of a library take apart in other ways.

``./dev upgrades`` compares these under other versions, too.
"""

from __future__ import annotations

import pathlib
import sys

import numpy as np
import pytest

from jug._native import key
from tests.support.key_values import check_parts, different
from tests.upgrades.compare import golden
from tests.upgrades.parts import VERSIONED, named


@pytest.mark.parametrize("name", VERSIONED)
def test_every_part_of_what_is_taken_apart_as_elsewhere_counts(name):
    check_parts(VERSIONED[name])


class KnowingParents:
    """The parents of a path, as Python 3.12 and later have them."""

    __slots__ = ("_drv", "_path", "_root", "_tail")

    def __init__(self, path: pathlib.PurePath) -> None:
        self._path = path
        self._drv, self._root, self._tail = path.drive, path.root, list(path.parts[1:])


KnowingParents.__module__, KnowingParents.__qualname__ = "pathlib", "_PathParents"


class Slotted(pathlib.PurePosixPath):
    """A path with a slot."""

    __slots__ = ("unit",)


def slotted(unit: str) -> Slotted:
    """A path with something in its slot."""
    path = Slotted("/a/b")
    path.unit = unit
    return path


def parents_of(path: pathlib.PurePath) -> object:
    """Its parents in Python 3.12 and later."""
    return path.parents if sys.version_info >= (3, 12) else KnowingParents(path)


def test_parents_that_have_attributes_of_the_path_are_known_by_it():
    paths = [named("x", "/a/b"), named("y", "/a/b"), slotted("x"), slotted("y"), Slotted("/a/b")]
    paths += [pathlib.PurePosixPath("/a/b"), pathlib.PurePosixPath("/a/c")]
    assert different(*map(parents_of, paths))
    assert key(parents_of(paths[0])) == key(parents_of(named("x", "/a/b")))


def test_parents_of_other_paths_are_what_they_are_in_python_3_11():
    assert key(parents_of(pathlib.PurePosixPath("/a/b/c"))).hex() == golden()["keys"]["paths"]["parents"]


def test_what_numbers_can_hold_is_the_same_after_somebody_has_printed_it():
    known = golden()["keys"]["numpy: rarities"]
    for number, name in ((np.float64, "finfo"), (np.float32, "finfo of float32")):
        limits = np.finfo(number)
        assert repr(limits)
        assert str(limits)
        assert key(limits).hex() == known[name]
