"""In which order tasks run that are ready."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pytask import PTask, Session

__all__ = ["Priorities"]

#: How long a task is taken to run of which nothing is known, where nothing is known of any, in seconds.
_UNKNOWN = 1.0


class Priorities:
    """Prefers what is on the longest path of tasks that remain, by how long they took the last time.

    This is the list scheduling of Graham (1969) with the level of a task as its priority (Hu 1961). The marks
    ``try_first`` and ``try_last`` win; what is equal runs in the order of collection.

    Parameters
    ----------
    session : Session
    """

    def __init__(self, session: Session) -> None:
        self._marked: dict[str, int] = getattr(session.scheduler, "priorities", {})
        self._levels = _levels(session)
        self._places = {task.signature: place for place, task in enumerate(session.tasks)}

    def ordered(self, signatures: Sequence[str]) -> list[str]:
        """The same with the next one last."""

        def importance(signature: str) -> tuple[int, float, int]:
            level = self._levels.get(signature, 0.0)
            return self._marked.get(signature, 0), level, -self._places.get(signature, 0)

        return sorted(signatures, key=importance)


def _levels(session: Session) -> dict[str, float]:
    """How long it takes from the start of a task to the end of the last one that needs it."""
    dag: Any = session.dag
    tasks = {task.signature: task for task in session.tasks}
    durations = _durations(session)
    known = sorted(durations.values())
    usual = known[len(known) // 2] if known else _UNKNOWN
    levels: dict[str, float] = {}
    for start in tasks:
        stack = [(start, False)]
        while stack:
            signature, is_left = stack.pop()
            if signature in levels:
                continue
            after = [user for product in dag.successors(signature) for user in dag.successors(product)]
            if not is_left:
                stack.append((signature, True))
                stack += [(user, False) for user in after if user not in levels]
                continue
            own = durations.get(tasks[signature].name, usual) if signature in tasks else 0.0
            levels[signature] = own + max((levels.get(user, 0.0) for user in after), default=0.0)
    return levels


def _durations(session: Session) -> dict[str, float]:
    """How long tasks took the last time, in seconds, by name."""
    for _, plugin in session.config["pm"].list_name_plugin():  # get_plugins() takes no dataclasses.
        state = getattr(plugin, "runtime_state", None)
        if state is not None:
            found = {task.name: state.get_duration(task) for task in session.tasks}
            return {name: seconds for name, seconds in found.items() if seconds is not None}
    return _durations_of_database(session.tasks)


def _durations_of_database(tasks: Sequence[PTask]) -> dict[str, float]:
    """Where pytask 0.5 keeps them."""
    try:
        from _pytask.database_utils import DatabaseSession
        from _pytask.profile import Runtime
    except ImportError:
        return {}
    with DatabaseSession() as database:
        found = {it.task: it.duration for it in database.query(Runtime)}
    return {task.name: found[task.signature] for task in tasks if task.signature in found}
