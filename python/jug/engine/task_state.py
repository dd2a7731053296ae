"""The states of tasks: those that users see, and those of the scheduler's nodes."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["TaskState", "as_task_states"]

#: The states of nodes in what a scheduler returns, a byte each.
NODE_WAITING, NODE_READY, NODE_TAKEN, NODE_BUSY, NODE_DONE, NODE_FAILED = b"wrtbdf"


class TaskState(StrEnum):
    """Where a task stands; in the order of `jug status`.

    The value is its letter where many states stand in one string.
    """

    FAILED = "F"
    WAITING = "W"
    READY = "R"
    COMPLETE = "C"
    ACTIVE = "A"

    @property
    def heading(self) -> str:
        """What `jug status` calls it, as in jug 2.7."""
        return self.name.capitalize()

    @property
    def in_cache(self) -> str:
        """What the file of `jug status --cache` calls it, as in jug 2.7."""
        return _IN_CACHE.get(self, self.name.lower())


_IN_CACHE = {TaskState.COMPLETE: "finished", TaskState.ACTIVE: "running"}

_OF_NODES = {
    NODE_WAITING: TaskState.WAITING,
    NODE_READY: TaskState.READY,
    NODE_TAKEN: TaskState.READY,
    NODE_BUSY: TaskState.ACTIVE,
    NODE_DONE: TaskState.COMPLETE,
    NODE_FAILED: TaskState.FAILED,
}
_TRANSLATION = bytes.maketrans(bytes(_OF_NODES), "".join(_OF_NODES.values()).encode())


def as_task_states(nodes: bytes) -> bytes:
    """The letters of `TaskState` for the states of a scheduler's nodes."""
    return nodes.translate(_TRANSLATION)
