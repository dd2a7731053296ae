"""How results of tasks are read, and what is said of one that cannot be read or counts no more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from . import _native
from .errors import FileOutOfReach, OutdatedResult
from .internal import file_uses

__all__ = ["Reader", "read"]

#: A Task, whose module imports this one.
_Task = Any

#: Called with each task that is about to be looked up or loaded, while ``jug adopt`` loads a jugfile.
before_lookup: Callable[[_Task], object] | None = None

#: What is raised for a result that cannot be loaded. Where a command does without what stands in the jugfile
#: behind its use, it is the error of a barrier that is not met.
unreadable_error: type[Exception] = RuntimeError

#: Removes those results of tasks that count no more because of a file in them, where they are loaded: while
#: this process works. Who only looks leaves them there.
remove_outdated: Callable[[list[_Task]], None] | None = None

#: How many results were asked for here.
nr_read = 0

#: The keys of results that count no more and were not removed, as this process found when it loaded them,
#: and what is the matter with a file of each.
found_outdated: dict[bytes, str] = {}

#: Takes a task and what loads the result of a hash.
Reader = Callable[[_Task, Callable[[bytes], Any]], Any]

#: Returns the result of each task that is loaded, while ``jug adopt`` loads a jugfile.
reader: Reader | None = None


def read(t: _Task, load: Callable[[bytes], Any]) -> Any:
    """Reads the result of a task.

    Parameters
    ----------
    t : Task
    load : callable
        Takes the hash of the task and returns its result: a method of the store.

    Raises
    ------
    DamagedResult
        If the result is damaged, or (as OutdatedResult) a file in it is not what it was.
    RuntimeError
        If there is no result, or it cannot be read; where `unreadable_error` is set, that.
    """
    global nr_read
    nr_read += 1
    if before_lookup is not None:
        before_lookup(t)
    try:
        value, outdated, _ = file_uses.loading(lambda: load(t.hash()) if reader is None else reader(t, load))
        if outdated:
            _refuse_outdated(t, outdated)
        if found_outdated:
            found_outdated.pop(t.key(), None)
        return value
    except _native.DamagedResult as error:
        if not vars(error).get("key"):
            # Not where a result is loaded because another one asks for it.
            vars(error)["key"] = t.key()
        raise
    except FileOutOfReach as error:
        raise unreadable_error(
            f"cannot load the result of task {t.name} ({t.hash().decode()}): {error}; it is kept: "
            f"bring that back, or have it made again by 'jug invalidate --name {t.name}'"
        ) from None
    except Exception as error:
        if isinstance(error, KeyError) and not t._open_store().can_load(t.hash()):
            from .internal.advice import how_to_get_results

            what = f"task {t.name} ({t.hash().decode()}) has no result yet"
            raise RuntimeError(f"{what}; {how_to_get_results(t)}") from None
        from .backends.unreadable import reason_of
        from .internal.advice import class_is_gone

        why = reason_of(t._open_store(), t.hash(), error)
        raise unreadable_error(
            f"cannot load the result of task {t.name} ({t.hash().decode()}): "
            f"{' '.join(str(error).split())}"
            f"{class_is_gone(t.name, error, why)}"
        ) from error


def _refuse_outdated(t: _Task, what: str) -> NoReturn:
    """OutdatedResult, because of a file in the result."""
    if remove_outdated is not None:
        remove_outdated([t])
        advice = ""
    else:
        found_outdated[t.key()] = what
        advice = f"; 'jug invalidate --name {t.name}' has it made again"
    raise OutdatedResult(f"the result of task {t.name} counts no more: {what}{advice}")
