"""One computation of a kind at a time: ``jug execute --one-instance KEY``."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...backends.file_store import file_store
from ...backends.redis_store import redis_store
from ...backends.select import select
from ...errors import Signalled, UserError
from ...leases.base import Lease
from ...leases.held import acquire_within
from ...leases.native import FileLease
from ...leases.open import open_lease

if TYPE_CHECKING:
    from ...backends.base import base_store

__all__ = ["one_instance"]


@contextlib.contextmanager
def one_instance(name: str, url: str | None, jugdir: str | base_store) -> Iterator[Lease]:
    """Holds a lease while a computation runs, and ends the computation if that is lost.

    Parameters
    ----------
    name : str
        The kind of computation.
    url : str or None
        What keeps the lease. None: the store of the computation.
    jugdir : str or store
        That store.

    Yields
    ------
    Lease
        Held.

    Raises
    ------
    LeaseBusy
        If such a computation runs already.
    UserError
        If the lease cannot be asked for, or was lost: then this process got SIGTERM.
    """
    with open_lease(url, name) if url else _lease_of_store(name, jugdir) as lease:
        try:
            acquire_within(lease, 0)
        except ConnectionError as error:
            raise UserError(f"{error}; nothing was run") from None
        lease.on_loss(lambda _: os.kill(os.getpid(), signal.SIGTERM))
        try:
            yield lease
        except (Signalled, KeyboardInterrupt):
            if lease.is_held():
                raise
        if not lease.is_held():
            raise UserError(
                f"the lease {name!r} at {lease.place} was lost, so that another computation may have begun: "
                "this one has ended; what was finished is stored"
            )


def _lease_of_store(name: str, jugdir: str | base_store) -> Lease:
    store = select(jugdir)
    if isinstance(store, file_store):
        if not store.native.exists():
            # A directory with leases in it could not become a jugdir any more.
            new = file_store(store.jugdir)
            new.create()
            new.close()
        return FileLease(store.jugdir, name)
    if isinstance(store, redis_store) and isinstance(jugdir, str):
        return open_lease(jugdir, name)
    raise UserError(
        f"--one-instance needs --lease URL: a store of the class {type(store).__name__} keeps no leases",
        status=2,
    )
