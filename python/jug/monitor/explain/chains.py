"""The way from a task that waits to what it waits for."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from ...engine.task_state import TaskState

if TYPE_CHECKING:
    from ... import _native

__all__ = ["chains_to"]

_COMPLETE, _WAITING = (ord(state) for state in (TaskState.COMPLETE, TaskState.WAITING))


def chains_to(
    graph: _native.Graph, states: bytes, node: int, *ends: Collection[TaskState]
) -> list[list[int]]:
    """The shortest chain of inputs without results to one in each of these collections of states.

    Parameters
    ----------
    graph : Graph
    states : bytes
        The letter of a `TaskState` for each node.
    node : int
        Where to begin; it is not part of the chain.
    *ends : collections of TaskState

    Returns
    -------
    list of list of int
        The last node of each is in one of the states; empty where there is no such input.
    """
    found: list[list[int]] = [[] for _ in ends]
    wanted = [{ord(state) for state in each} for each in ends]
    needed_by = {node: node}
    level = [node]
    while level and not all(found):
        following = []
        for here in level:
            for needed in graph.dependencies(here):
                if needed in needed_by or states[needed] == _COMPLETE:
                    continue
                needed_by[needed] = here
                if states[needed] == _WAITING:
                    following.append(needed)
                for chain, letters in zip(found, wanted, strict=True):
                    if not chain and states[needed] in letters:
                        chain += _back(needed_by, needed, node)
        level = following
    return found


def _back(needed_by: dict[int, int], last: int, first: int) -> list[int]:
    chain = []
    while last != first:
        chain.append(last)
        last = needed_by[last]
    return chain[::-1]
