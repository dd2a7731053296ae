"""The results of the same function that are nearest to a task that has none."""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Sequence
from heapq import nsmallest
from typing import TYPE_CHECKING, Any

from ... import _native
from ...engine.argument_differences import arguments_of, differing
from ...internal.by_identity import ByIdentity
from ...internal.differences import MISSING, attributes_of
from .origin import digest_of

if TYPE_CHECKING:
    from ..status import StatusCollector

__all__ = ["NearestResults"]

#: Of how many tasks with equally many other arguments the arguments are compared.
_COMPARED = 1000

#: How deep it is looked into arguments, and at how many parts of each, to tell how far two are apart.
_DEPTH = 3
_PARTS = 100

#: How far two values of one type are apart at most that are not compared any further.
_SAME_TYPE = 0.9


class NearestResults:
    """Finds tasks that have results and differ in few arguments.

    Parameters
    ----------
    collector : StatusCollector
    """

    def __init__(self, collector: StatusCollector) -> None:
        self._graph = collector.graph
        self._digest = ByIdentity(_first_bytes)
        #: By the nodes with results: the names of their arguments, and a digest of each.
        self._digests: dict[int, dict[str, int]] = {}

    def of(self, node: int, candidates: Sequence[int], limit: int) -> list[int]:
        """Those of the candidates, all of them of the name of `node`, that are nearest to it."""
        ours = self._digests_of(node)
        counts = [_nr_differing(ours, self._digests_of(it)) for it in candidates]
        fewest = nsmallest(limit, counts)
        if not fewest:
            return []
        tied = [it for it, count in zip(candidates, counts, strict=True) if count <= fewest[-1]]
        by_count = dict(zip(candidates, counts, strict=True))
        # What stands near in the jugfile is often like it, as far as nothing else tells.
        first = nsmallest(_COMPARED, tied, key=lambda it: (by_count[it], abs(it - node)))
        return nsmallest(
            limit, first, key=lambda it: (by_count[it], self._known_distance(node, it), abs(it - node))
        )

    def _digests_of(self, node: int) -> dict[str, int]:
        known = self._digests.get(node)
        if known is None:
            given = arguments_of(self._graph.task(node))
            known = self._digests[node] = {name: self._digest(value) for name, value in given.items()}
        return known

    def _known_distance(self, node: int, other: int) -> float:
        """How far the arguments are from one another that differ."""
        ours, theirs = self._digests_of(node), self._digests_of(other)
        here, there = (arguments_of(self._graph.task(it)) for it in (node, other))
        try:
            return sum(
                _distance_of_arguments(here.get(name, MISSING), there.get(name, MISSING), _DEPTH)
                for name in dict.fromkeys((*ours, *theirs))
                if ours.get(name) != theirs.get(name)
            )
        except Exception:
            # What a class of the user's does when somebody looks at it is no matter of an explanation.
            return math.inf


def _first_bytes(value: Any) -> int:
    return int.from_bytes(digest_of(value)[:8], "little")


def _nr_differing(ours: dict[str, int], theirs: dict[str, int]) -> int:
    same = sum(1 for name, digest in ours.items() if theirs.get(name) == digest)
    return len(ours.keys() | theirs.keys()) - same


def _distance(here: _native.TaskCore, there: _native.TaskCore, depth: int) -> float:
    return sum(_distance_of_arguments(one, other, depth) for _, one, other in differing(here, there))


def _distance_of_arguments(one: Any, other: Any, depth: int) -> float:
    # An argument that is not given may be a default, so that it is less than another value.
    return 0.5 if one is MISSING or other is MISSING else _distance_of(one, other, depth)


def _distance_of(one: Any, other: Any, depth: int) -> float:
    """From 0, almost the same, to 1 for what has little in common."""
    if isinstance(one, (int, float)) and isinstance(other, (int, float)):
        try:
            far = abs(float(one) - float(other))
        except OverflowError:
            return 1.0
        return far / (1.0 + far) if math.isfinite(far) else 1.0
    if type(one) is not type(other) or not depth:
        return 1.0
    if isinstance(one, _native.TaskCore):
        return min(1.0, _distance(one, other, depth - 1)) if one.name == other.name else 1.0
    if isinstance(one, (str, bytes)):
        same = sum(map(operator.eq, one[:_PARTS], other[:_PARTS]))
        return 1.0 - float(same / max(len(one), len(other), 1))
    if isinstance(one, (list, tuple)):
        pairs = itertools.zip_longest(one[:_PARTS], other[:_PARTS], fillvalue=MISSING)
        return _mean(list(pairs), depth)
    if isinstance(one, (set, frozenset)):
        both = [{_first_bytes(it) for it in itertools.islice(each, _PARTS)} for each in (one, other)]
        return 1.0 - len(both[0] & both[1]) / max(len(both[0] | both[1]), 1)
    if hasattr(one, "dtype") and hasattr(one, "shape"):
        return _SAME_TYPE / 2 if one.dtype == other.dtype and one.shape == other.shape else _SAME_TYPE
    ours, theirs = (each if isinstance(each, dict) else attributes_of(each) for each in (one, other))
    if not ours and not theirs:
        return _SAME_TYPE
    names = list(itertools.islice(dict.fromkeys((*ours, *theirs)), _PARTS))
    return _SAME_TYPE * _mean([(ours.get(it, MISSING), theirs.get(it, MISSING)) for it in names], depth)


def _mean(pairs: Sequence[tuple[Any, Any]], depth: int) -> float:
    found = 0.0
    for one, other in pairs:
        if one is MISSING or other is MISSING:
            found += 1.0
        elif _first_bytes(one) != _first_bytes(other):
            found += _distance_of(one, other, depth - 1)
    return found / max(len(pairs), 1)
