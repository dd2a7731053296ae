"""Tasks that are others in each load of a jugfile: what was stored for them is never asked for again."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from .. import _native, task
from ..barrier import note_what_held
from ..errors import UserError
from ..internal.console import warn
from ..internal.task_origin import LoadBefore
from ..task import Task
from .comparison import ADVICE, Comparison, LoadHere
from .jugfile import LoadedJugfile, load
from .task_graph import begins_like, keys_of, note_load

if TYPE_CHECKING:
    from ..backends.base import base_store
    from ..configuration import Options

__all__ = ["Drift", "load_steadily"]

#: The length of a key.
_KEY = 32

#: How many tasks are named.
_NAMED = 5


class Drift:
    """Watches the loads of a jugfile for tasks that change though nothing else did.

    Where tasks of the load before are not asked for any more and there are others instead, that may be meant:
    they may depend on what was computed. So the jugfile is loaded once more with nothing run in between: what
    changes even then can never be found again.
    """

    def __init__(self) -> None:
        #: Of a hundred thousand tasks with a number each it takes 7 MB.
        self.before = LoadBefore()
        self._is_found = False

    def ended(self, tasks: list[Task], graph: _native.Graph | None = None) -> None:
        """Notes the tasks of a load that ended at a barrier, and their graph, if there is one."""
        note_load(tasks, graph, self.before.recall)
        note_what_held(tasks, self.before)

    def is_suspected(self, tasks: list[Task], *, has_barrier: bool) -> bool:
        """Whether a load made other tasks than the one before in a way that calls for loading once more."""
        recall = self.before.recall
        if begins_like(tasks, recall):
            return False
        if self._is_found:
            # That was said; what remains to be found out is whether it goes on for ever.
            return has_barrier and len(tasks) == len(recall)
        before, after = _split(recall.keys()), _split(keys_of(tasks).joined())
        return not before <= after and not after <= before

    def examine(self, before: list[Task], now: list[Task], *, at_barrier: bool, only_waits: bool) -> None:
        """Compares two loads between which nothing was run, and warns of tasks that are others in each.

        Parameters
        ----------
        before, now : list of Task
        at_barrier : bool
            Whether both loads ended at a barrier that was not met.
        only_waits : bool
            Whether this process waits for others to run the tasks of one load.

        Raises
        ------
        UserError
            If that barrier can never be met, or the wait never end.
        """
        comparison = Comparison(LoadHere(before), LoadHere(now))
        found = list(itertools.islice(comparison.first_of_each_name(), _NAMED))
        if not found:
            return
        if at_barrier and len(self.before.recall) == len(before) == len(now):
            raise UserError(f"the jugfile never gets past its barrier: {found[0]}; {ADVICE}")
        if only_waits:
            raise UserError(f"the wait would never end: {found[0]}; {ADVICE}")
        if not self._is_found:
            for each in found:
                warn(f"{each}: what was stored for it is not asked for any more; {ADVICE}")
        self._is_found = True


def load_steadily(
    options: Options, store: base_store | None, drift: Drift, *, only_waits: bool = False
) -> LoadedJugfile:
    """Loads the jugfile, a second time if only that tells whether its tasks are others in each load.

    Raises
    ------
    UserError
        If its barrier can never be met; where this process `only_waits`, if any task can never be found.
    """
    loaded = load(options, store, before=drift.before)
    if not drift.is_suspected(task.alltasks, has_barrier=loaded.has_barrier):
        return loaded
    before = list(task.alltasks)
    again = load(options, loaded.store, before=drift.before)
    at_barrier = loaded.has_barrier and again.has_barrier
    drift.examine(before, task.alltasks, at_barrier=at_barrier, only_waits=only_waits)
    return again


def _split(keys: bytes) -> set[bytes]:
    return {keys[start : start + _KEY] for start in range(0, len(keys), _KEY)}
