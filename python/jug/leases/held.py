"""A lease for a block of code."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from ..errors import UserError
from .base import Lease, LeaseBusy, LeaseLost
from .interrupt import Interruptible
from .open import open_lease

__all__ = ["acquire_within", "lease"]

#: The first pause between two tries, and the longest, in seconds.
_PAUSES = (0.02, 0.5)


@contextlib.contextmanager
def lease(
    url: str, name: str, *, ttl: float | None = None, wait: float = 0.0, interrupt: bool = True
) -> Iterator[Lease]:
    """Holds a lease while a block of code runs.

    >>> import jug.leases
    >>> with jug.leases.lease("dummy:", "nightly") as held:
    ...     held.is_held()
    True

    Parameters
    ----------
    url : str
        What keeps it, as in :func:`jug.leases.open_lease`.
    name : str
        The name of the right.
    ttl : float, optional
        For how many seconds it lives without a heartbeat; 20 by default. A thread renews it every third of
        that.
    wait : float, optional
        For how many seconds to wait while somebody else has it; 0 by default.
    interrupt : bool, optional
        Whether LeaseLost is raised inside the block when the lease is lost (the default), at its next step in
        Python. False: the block asks ``is_held()``. In both cases LeaseLost is raised at its end.

    Yields
    ------
    Lease
        Held; its ``token`` is for what is protected by it.

    Raises
    ------
    LeaseBusy
        If somebody else has it.
    LeaseLost
        If it is lost while the block runs.
    UserError, ConnectionError
        As :meth:`jug.leases.Lease.acquire`.
    """
    with open_lease(url, name, ttl=ttl) as held:
        acquire_within(held, wait)
        block = Interruptible(LeaseLost)
        if interrupt:
            held.on_loss(lambda _: block.interrupt())
        try:
            with block if interrupt else contextlib.nullcontext():
                yield held
        except LeaseLost:
            # Perhaps it is about another lease, of a block inside.
            if not held.is_lost():
                raise
        if held.is_lost():
            raise LeaseLost(_lost(held))


def acquire_within(held: Lease, wait: float) -> None:
    """Gets a lease, and waits for it if need be.

    Parameters
    ----------
    held : Lease
        The lease.
    wait : float
        For how many seconds to try; 0: once.

    Raises
    ------
    LeaseBusy
        If somebody else has it for so long.
    UserError, ConnectionError
        As :meth:`jug.leases.Lease.acquire`.
    """
    if not wait >= 0:
        raise UserError(f"to wait for {wait:g} s is not possible")
    end = time.monotonic() + wait
    pause = _PAUSES[0]
    while not held.acquire():
        left = end - time.monotonic()
        if left <= 0:
            raise _busy(held, wait)
        time.sleep(min(pause, left))
        pause = min(pause * 1.5, _PAUSES[1])


def _busy(held: Lease, wait: float) -> LeaseBusy:
    owner = held.owner()
    waited = f" for {wait:g} s" if wait else ""
    if owner is None:
        return LeaseBusy(f"the lease {held.name!r} at {held.place} was busy{waited}: somebody else has it")
    process = f"process {owner['pid']} on {owner['fqdn']}" if "pid" in owner else owner["fqdn"]
    return LeaseBusy(
        f"the lease {held.name!r} at {held.place} was busy{waited}: {process} has it "
        f"since {owner['time_utc']} UTC",
        owner,
    )


def _lost(held: Lease) -> str:
    return (
        f"the lease {held.name!r} at {held.place} was lost while it was needed: what was done after may "
        "have been done elsewhere, too"
    )
