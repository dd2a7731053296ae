"""The contract of all leases: what is asked of them, whatever keeps them."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from types import TracebackType
from typing import NotRequired, TypedDict, cast

from .. import _native
from ..errors import UserError
from ..internal.types import ProcessIdentity
from .threads import start_thread

__all__ = ["Lease", "LeaseBusy", "LeaseLost", "Owner"]


class Owner(TypedDict):
    """What the holder of a lease says about itself. Times are those of its host: never compare them."""

    #: The full name of its host.
    fqdn: str
    #: When it got the lease, in seconds since 1970.
    timestamp: float
    #: The same as ``YYYY-MM-DD HH:MM:SS``, in UTC.
    time_utc: str
    #: The same in the time zone of the holder.
    time_local: str
    #: The id of its process, on its host. What jobslib stored has none.
    pid: NotRequired[int]


class LeaseBusy(UserError):
    """Somebody else has a lease; the message says who, and since when.

    Parameters
    ----------
    message : str
        One line.
    owner : Owner, optional
        Who has it, where that is known.
    """

    def __init__(self, message: str, owner: Owner | None = None) -> None:
        super().__init__(message)
        self.owner = owner


class TimeNotGranted(UserError):
    """A server does not grant the time to live that was asked for; the message says which it does."""


class LeaseLost(RuntimeError):
    """A lease ended while it was needed: from then on, others may have it."""


class Lease(ABC):
    """A named right that one holder has at a time.

    An object belongs to the process that made it, and can be used from all of its threads. In a forked child
    it holds nothing.

    A lease with a time to live ends by itself that long after it was last renewed. The holder counts that
    time by its own clock, from before the request that renewed it, so it never believes to have what somebody
    else may have got. While a lease is held with a heartbeat, a thread renews it every third of that time: in
    Rust, without the interpreter, where the client is ours (files, redis), else one of Python's.

    Attributes
    ----------
    name : str
        The name of the right.
    ttl : float or None
        For how many seconds it lives without being renewed. None: as long as its holder, whose death the
        kernel or the server notices.
    """

    name: str
    ttl: float | None
    #: Whether a holder of this host that has ended is found out by whoever asks for the lease, and not by
    #: what keeps it.
    _asks_whether_holders_run = False

    def __init__(self, name: str, ttl: float | None, tenure: _native.Tenure | None = None) -> None:
        if not name:
            raise UserError("a lease needs a name")
        self.name = name
        self.ttl = ttl
        self._tenure = tenure or _native.Tenure()
        self._calls = threading.RLock()
        self._callbacks: list[Callable[[Lease], object]] = []
        #: The last time it was got for which a thread waits for the end.
        self._watched = 0
        self._pid = os.getpid()

    @property
    @abstractmethod
    def place(self) -> str:
        """Where it is kept: a directory or the URL of a server, without user and password."""

    def acquire(self) -> bool:
        """Tries once to get the lease, without waiting for a holder to end.

        In a directory that several hosts use, it looks at a holder of another host until that shows that it
        lives, or its time is over.

        Returns
        -------
        bool
            Whether this object got it now. False if anybody has it, also if it is this object.

        Raises
        ------
        UserError
            If the server refuses what is asked of it, the time to live is one that it does not grant, or the
            directory cannot be written.
        ConnectionError
            If the server does not answer.
        RuntimeError
            In a forked child.
        """
        if os.getpid() != self._pid:
            raise RuntimeError(f"the lease {self.name!r} belongs to the process that forked this one")
        with self._calls:
            record = json.dumps(_owner_here() | {"process": _native.process_identity()}).encode()
            if self._tenure.is_held():
                return False
            if not self._acquire(record) and not (self._free_dead() and self._acquire(record)):
                return False
            if self._callbacks:
                self._watch()
            return True

    def refresh(self) -> bool:
        """Renews the lease now. Needed only without a heartbeat.

        Returns
        -------
        bool
            Whether it is held, for :attr:`ttl` seconds from before the call. False: it is lost or was not
            held, or the server does not answer; then :meth:`is_held` says whether it is held for a while yet.
        """
        if os.getpid() != self._pid or not self._tenure.is_held():
            return False
        with contextlib.suppress(ConnectionError):
            return self._refresh()
        return False

    def release(self) -> bool:
        """Gives the lease up, and leaves nothing of it on the server.

        Returns
        -------
        bool
            Whether it was held until now. False: it was lost before, or was not held, or the server does not
            answer (then it ends there with its time to live, or with this process).
        """
        if os.getpid() != self._pid:
            return False
        with self._calls, contextlib.suppress(ConnectionError):
            return self._release()
        return False

    def owner(self) -> Owner | None:
        """Who has the lease, by anybody's account; None if nobody has or it is not known.

        Returns
        -------
        Owner or None
            What the holder stored when it got it.

        Raises
        ------
        ConnectionError
            If the server does not answer.
        """
        with contextlib.suppress(ValueError, UnicodeDecodeError):
            found = json.loads(self._owner() or b"null")
            if isinstance(found, dict) and "fqdn" in found:
                return cast("Owner", {name: found[name] for name in Owner.__annotations__ if name in found})
        return None

    @property
    def token(self) -> int | None:
        """The fencing token: larger than those of all earlier holders of this name. None: not held.

        What is protected by the lease can refuse a request with a token smaller than one that came before. It
        stays that of the last time the lease was held after that is lost, until it is released.
        """
        return self._tenure.token

    def is_held(self) -> bool:
        """Whether this object has the lease now, by the clock of this process."""
        return self._tenure.is_held()

    def is_lost(self) -> bool:
        """Whether the lease was got and ended by itself, and this object has not released it since."""
        return self._tenure.is_lost()

    def wait_lost(self, timeout: float | None = None) -> bool:
        """Returns when the lease is held no more.

        Parameters
        ----------
        timeout : float, optional
            For how many seconds to wait at most; None: without a limit.

        Returns
        -------
        bool
            Whether it is lost. False: it was released, or the time has passed.
        """
        return self._tenure.wait(timeout)

    def on_loss(self, callback: Callable[[Lease], object]) -> None:
        """Has a function called once whenever the lease is lost, in a thread of its own.

        Parameters
        ----------
        callback : callable
            Called with this object.
        """
        self._callbacks.append(callback)
        if self._tenure.is_held():
            self._watch()

    def kill_on_loss(self, seconds: float) -> None:
        """Has this process killed by SIGKILL if the lease is lost and not released within so many seconds.

        A thread in Rust does that, for code that never comes back to the interpreter. To be called before
        :meth:`acquire`.

        Parameters
        ----------
        seconds : float
            How long after the loss.
        """
        self._tenure.kill_on_loss(self.name, seconds)

    def close(self) -> None:
        """Releases the lease if it is held, and ends connections and threads. Nothing works after."""
        self.release()

    def __enter__(self) -> Lease:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r} at {self.place}{', held' if self.is_held() else ''}>"

    @abstractmethod
    def _acquire(self, owner: bytes) -> bool:
        """Gets it, and begins the tenure."""

    @abstractmethod
    def _refresh(self) -> bool:
        """Renews it, and the tenure."""

    @abstractmethod
    def _release(self) -> bool:
        """Ends the tenure, and gives it up."""

    @abstractmethod
    def _owner(self) -> bytes | None:
        """What its holder stored."""

    def _free(self, record: bytes) -> bool:
        """Ends the lease of a holder that stored this, if it is still that one's."""
        return False

    def _free_dead(self) -> bool:
        """Ends the lease of a holder on this host whose process has ended: its time need not pass."""
        # For tests, every process may be one of another host.
        if not self._asks_whether_holders_run or "JUG_TEST_STRANGERS" in os.environ:
            return False
        record = self._owner()
        with contextlib.suppress(ValueError, KeyError, TypeError):
            process: ProcessIdentity = json.loads(record or b"{}")["process"]
            runs = _native.is_process_running(
                process["boot_id"], process["pid_ns"], process["pid"], process["pid_start"]
            )
            return record is not None and runs is False and self._free(record)
        return False

    def _watch(self) -> None:
        """Has the callbacks called by a thread when the lease is lost that is held now."""
        number = self._tenure.round
        # Each time it is got has a thread of its own: that of the time before may be about to end.
        if number != self._watched:
            self._watched = number
            start_thread(f"jug-lease {self.name}", self._report_loss, number)

    def _report_loss(self, number: int) -> None:
        if self._tenure.wait(None, number):
            for callback in list(self._callbacks):
                callback(self)


def _owner_here() -> Owner:
    now = time.time()
    form = "%Y-%m-%d %H:%M:%S"
    return {
        "fqdn": socket.getfqdn(),
        "timestamp": now,
        "time_utc": time.strftime(form, time.gmtime(now)),
        "time_local": time.strftime(form, time.localtime(now)),
        "pid": os.getpid(),
    }
