"""Removes results that count no more: of all workers one at a time looks for them."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from .. import _native
from ..backends.base import optional_method
from ..backends.capabilities import is_keyed
from ..internal import file_uses
from ..internal.console import say
from .session.open import open_session

if TYPE_CHECKING:
    from ..backends.base import Name, base_store
    from ..task import Task
    from .session.base import StoreSession

__all__ = ["remove_outdated", "remove_results", "removing", "take_removed"]

#: No task has it.
_LOCK = _native.key("jug.engine.removing")

#: A claim belongs to a process, of which one thread at a time may have it.
_in_process = threading.Lock()

#: Whether this thread has it: what is unpickled there may ask for other results.
_here = threading.local()

#: The keys of outdated results that were removed here, and of which no worker knows.
_removed: list[bytes] = []

#: For how long to sleep between two tries, in seconds.
_FIRST_PAUSE = 0.01
_LONGEST_PAUSE = 0.5

#: After how many seconds to say what is waited for.
_LONG = 10.0


@contextmanager
def removing(session: StoreSession) -> Iterator[None]:
    """Lets one worker at a time look for results that count no more, and remove them.

    Who found some, and would remove them when another worker has removed them and they were made again, would
    remove the new ones. So whatever was found before is to be looked for again. Where a worker is killed, the
    next one goes on.

    Parameters
    ----------
    session : StoreSession
        It shows what others did before. What is removed here is seen by the next one.
    """
    if getattr(_here, "is_removing", False):
        yield
        return
    _wait_for_lock(session)
    try:
        _here.is_removing = True
        session.refresh()
        yield
        session.flush()
    finally:
        _here.is_removing = False
        try:
            session.release([_LOCK])
        finally:
            _in_process.release()


def _wait_for_lock(session: StoreSession) -> None:
    began, pause, is_said = time.monotonic(), _FIRST_PAUSE, False
    while not _try_to_lock(session):
        if not is_said and time.monotonic() - began > _LONG:
            say(
                "waiting for another worker that removes results which count no more; if none is at work, "
                "'jug cleanup --locks-only' ends that"
            )
            is_said = True
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


def _try_to_lock(session: StoreSession) -> bool:
    if not _in_process.acquire(blocking=False):
        return False
    is_mine = False
    try:
        is_mine = next(iter(session.claim([_LOCK])), False)
    finally:
        if not is_mine:
            _in_process.release()
    return is_mine


def _unlock_in_child() -> None:
    """A thread that has the lock in the parent is not there in a child that was forked."""
    global _in_process
    _in_process = threading.Lock()


os.register_at_fork(after_in_child=_unlock_in_child)


def remove_results(store: base_store, keys: Sequence[bytes]) -> set[bytes]:
    """Removes results, all at once where the store can do that.

    Returns
    -------
    set of bytes
        The keys of those that were there.
    """
    if is_keyed(store):
        return set(store.remove_keys(keys))
    names: dict[Name, bytes] = {key.hex().encode(): key for key in keys}
    return {names[name] for name in optional_method(store, "remove_many")(names)}


def remove_outdated(tasks: Sequence[Task]) -> None:
    """Removes those results of tasks, of one store, in which a file is not what it was."""
    store = tasks[0]._open_store()
    with closing(open_session(store)) as session, removing(session):
        _removed.extend(remove_results(store, [t.key() for t in tasks if _is_outdated(t, store)]))


def take_removed() -> list[bytes]:
    """The keys of what was removed here since the last call: no worker is told what its own process does."""
    taken = list(_removed)
    del _removed[: len(taken)]
    return taken


def _is_outdated(t: Task, store: base_store) -> bool:
    try:
        return bool(file_uses.loading(lambda: store.load(t.hash()))[1])
    except Exception:
        return False  # There is none any more, or nobody knows here whether it counts.
