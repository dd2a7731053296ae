"""What may help where something is not as the user thinks."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from . import running, task_origin
from .interactive import is_interactive

if TYPE_CHECKING:
    from .unreadable import Reason

__all__ = [
    "class_is_gone",
    "how_to_get_results",
    "how_to_open",
    "name_is_taken",
    "near_names",
    "nothing_selected",
]


def nothing_selected(name: str | None, pattern: str | None, names: Iterable[str], has_barrier: bool) -> str:
    """Says that --name or --pattern fits no task, and which names are near.

    Parameters
    ----------
    name, pattern : str or None
        What was asked for.
    names : iterable of str
        Those of all tasks.
    has_barrier : bool
        Whether the jugfile goes on behind a barrier that is not met.
    """
    known = sorted(set(names))
    asked = name if name is not None else pattern or ""
    option = "--name" if name is not None else "--pattern"
    near = near_names(asked.strip("/*"), known)
    if near:
        hint = f"; did you mean {' or '.join(map(repr, near))}?"
    else:
        hint = f"; there are {', '.join(known[:5])}{', ...' if len(known) > 5 else ''}" if known else ""
    where = " before a barrier that is not met" if has_barrier else ""
    return f"{option} {asked!r} matches no task{where}{hint}"


def near_names(asked: str, names: Sequence[str]) -> list[str]:
    """The names that look like `asked`, as a whole or in what follows a dot."""
    import difflib

    ends: dict[str, str] = {}
    for name in names:
        ends.setdefault(name.lower(), name)
        ends.setdefault(name.rpartition(".")[2].lower(), name)
    found = difflib.get_close_matches(asked.lower(), ends, n=3)
    return list(dict.fromkeys(ends[end] for end in found))


def how_to_get_results(task: Any) -> str:
    """How a task gets its result, for whoever asks for that too early."""
    if task_origin.of_this_load() is not None:
        return "in a jugfile, bvalue(task) waits for it"
    if running.is_command() and not is_interactive():
        return "a task gets the results of others that are among its arguments"
    return f"run it (`{_command(task)}`, or here jug.execute()), then ask once more"


def how_to_open(task: Any) -> str:
    """How to open a store, for whoever has none for a task."""
    known = _file_of(task)
    if known is None:
        return "call jug.init(jugfile, jugdir) or jug.set_jugdir(jugdir) first"
    return (
        f"`{_command(task)}` opens one and runs the tasks; in plain Python call jug.set_jugdir(jugdir) "
        "first, and jug.execute()"
    )


def _command(task: Any) -> str:
    """The command that runs a task, as far as it is known which file makes it."""
    known = _file_of(task)
    return "jug execute" if known is None else f"jug execute {known}"


def _file_of(task: Any) -> str | None:
    """The jugfile or script that made a task; None if nobody knows."""
    path: str | None = None if task._origin is None else task._origin.jugfile
    if path is None and getattr(task.f, "__module__", None) == "__main__" and not is_interactive():
        path = getattr(sys.modules["__main__"], "__file__", None)
    if path is None:
        return None
    near = os.path.relpath(path)
    return path if near.startswith(os.pardir) else near


def class_is_gone(name: str, error: BaseException, reason: Reason | None) -> str:
    """What to do where the result of task `name` does not unpickle, for want of its class or otherwise.

    `reason` says that a package is missing or has another version.
    """
    if reason is not None:
        again = "'jug invalidate --unreadable' has the task run again"
        return f"; {reason.text}. The result stays: {reason.remedy}, or {again}"
    if not isinstance(error, (AttributeError, ImportError)):
        return (
            "; if it is so everywhere, let the task return something that pickle gives back, and run it "
            f"again after 'jug invalidate --name {name}'"
        )
    return (
        f"; what it is made of was renamed, moved or removed since it was stored: bring that back under its "
        f"old name, or run it again after 'jug invalidate --name {name}'"
    )


def name_is_taken(name: str, error: BaseException) -> str:
    """What to do where a jugfile fails because it has the name of a module that it wants to import."""
    if not isinstance(error, (AttributeError, ImportError)) or f"'{name}'" not in str(error):
        return ""
    return f"; whatever imports `{name}` gets the jugfile, because that is its name: give it another one"
