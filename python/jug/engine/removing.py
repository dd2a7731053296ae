"""Removes results that count no more: of all workers one at a time looks for them."""

from __future__ import annotations

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

__all__ = ["remove_if_outdated", "remove_results", "removing"]

#: No task has it.
_LOCK = _native.key("jug.engine.removing")

#: A claim belongs to a process, of which one thread at a time tries to get it.
_in_process = threading.Lock()

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
        Afterwards it shows what others did before. What is removed within is seen by the next one.
    """
    with _in_process:
        began, pause, is_said = time.monotonic(), _FIRST_PAUSE, False
        while not next(iter(session.claim([_LOCK])), False):
            if not is_said and time.monotonic() - began > _LONG:
                say("waiting for another worker that removes results which count no more")
                is_said = True
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        try:
            session.refresh()
            yield
            session.flush()
        finally:
            session.release([_LOCK])


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


def remove_if_outdated(t: Task) -> None:
    """Removes the result of a task if a file in it is not what it was; another worker may have done so."""
    store = t._open_store()
    with closing(open_session(store)) as session, removing(session):
        try:
            _, what, _ = file_uses.loading(lambda: store.load(t.hash()))
        except Exception:
            return  # It is gone, or nobody knows here whether it counts.
        if what:
            store.remove(t.hash())
