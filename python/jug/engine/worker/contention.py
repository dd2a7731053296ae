"""Workers that meet: where to go when another one has what was to be claimed."""

from __future__ import annotations

import os
from itertools import compress
from operator import not_

from ... import _native
from ..session.base import StoreSession

__all__ = ["ContentionBackoff"]

#: How many tasks are looked at at a time to find those that nobody has.
_LOOKED_AT = 4096


class ContentionBackoff:
    """Keeps a worker away from others where a claim that is made in vain costs requests to a server.

    Parameters
    ----------
    session : StoreSession
    scheduler : _native.Scheduler
        Of the worker; its nodes have these keys.
    keys : _native.Keys
    """

    def __init__(self, session: StoreSession, scheduler: _native.Scheduler, keys: _native.Keys) -> None:
        self._session = session
        self._scheduler = scheduler
        self._keys = keys
        #: How many times in a row another worker had what this one tried to claim.
        self._in_a_row = 0

    def after_claiming(self, *, met: bool) -> None:
        """Goes elsewhere where another worker was met, and after two times looks where the others are."""
        if not (met and self._session.avoids_contention):
            self._in_a_row = 0
            return
        self._in_a_row += 1
        self._scheduler.jump(_random_number())
        if self._in_a_row > 1:
            nodes = self._scheduler.take(_LOOKED_AT)
            claimed = self._session.claimed_hint(self._keys.of(nodes))
            self._scheduler.busy(list(compress(nodes, claimed)))
            self._scheduler.put_back(list(compress(nodes, map(not_, claimed))))


def _random_number() -> int:
    """Another one in each worker, without the generators that users seed."""
    return int.from_bytes(os.urandom(4))
