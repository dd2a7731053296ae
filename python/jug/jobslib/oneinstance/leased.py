"""Locks that are leases: what those of all servers have in common."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
from abc import abstractmethod
from collections.abc import Callable
from typing import Any

from ...errors import UserError
from ...leases.base import Lease, TimeNotGranted
from ...leases.open import open_lease
from ..config import ConfigGroup
from ..exceptions import LockAway
from ..given import Given, given
from ..launcher import launcher_of
from ..options import OptionError, option
from . import BaseLock

__all__ = ["LeaseLock", "LeaseOptions", "UrlLock"]

_ENV = "JOBSLIB_ONE_INSTANCE_"

#: By the part of the names of their variables, all locks that have some.
_KINDS = ("CONSUL", "FILE", "REDIS", "POSTGRES", "ETCD")


class LeaseOptions(ConfigGroup):
    """Options of a lock in a server or a directory."""

    #: With what the names of its variables in the environment begin.
    kind = ""

    #: Whether options are taken that it does not know.
    takes_others = False

    def initialize(self, *args: Any, **kwargs: Any) -> None:
        """Called before options are read. OptionError where another lock is configured as well."""
        super().initialize(*args, **kwargs)
        for kind in _KINDS:
            others = [name for name in os.environ if kind != self.kind and name.startswith(f"{_ENV}{kind}_")]
            if others:
                raise OptionError(
                    f"two locks are configured: the backend is for {self.kind.lower()}, and the environment "
                    f"variable {min(others)} is set; one of the two has to go"
                )
        known = option.get_option_names(self)
        unknown = [name for name in self._settings if name not in known]
        if self.takes_others:
            # The names that say where other locks are.
            unknown = [name for name in unknown if name in ("url", "directory")]
        if unknown:
            raise OptionError(
                f"a lock of the kind {self.kind.lower()} has no option {unknown[0]!r}; "
                f"there are {', '.join(known)}"
            )

    def env(self, name: str) -> str:
        """The variable of an option."""
        return f"{_ENV}{self.kind}_{name}"

    @option(required=True, attrtype=str)
    def key(self) -> str:
        """The name of the lock."""
        return given(self, "key", env=self.env("KEY")).text()

    @option(attrtype=(int, float))
    def ttl(self) -> float | None:
        """For how many seconds the lock lives without a heartbeat. Default: that of the lease, 20."""
        value = self.ttl_given()
        return None if value.value is None else value.above_0()

    def ttl_given(self) -> Given:
        """The time to live, and where it was set."""
        return given(self, "ttl", None, env=self.env("TTL"))


class LeaseLock(BaseLock):
    """A lock that is a lease, which a thread renews while it is held.

    When it is lost while the task runs, OneInstanceWatchdogError is raised in the task.
    """

    #: The logger, as jobslib would name it.
    log_name = "jobslib.oneinstance"

    def __init__(self, context: Any, options: Any) -> None:
        super().__init__(context, options)
        self._logger = logging.getLogger(self.log_name)
        self._mutex = threading.Lock()
        self._interrupt: Callable[[], object] | None = None
        self._watchdog: threading.Timer | None = None
        self._is_extended = False
        self.lease = self._open()
        self.lease.on_loss(lambda _: self._was_lost())
        launcher = launcher_of(context.config)
        self._patience: float | None = None if launcher.isolate else launcher.kill_on_lock_loss
        if self._patience is not None:
            self.lease.kill_on_loss(self._patience)

    @abstractmethod
    def _open(self) -> Lease:
        """The lease, which was not asked for yet."""

    @property
    def lifespan(self) -> float | None:
        """After how many seconds a task loses the lock that did not extend it; None: never."""
        return None

    def acquire(self) -> bool:
        """Tries to get the lock; whether this instance has it now.

        Raises
        ------
        UserError
            If the server refuses, or the directory cannot be written.
        LockAway
            If the server does not answer; it is a ConnectionError.
        """
        try:
            is_ours = self.lease.acquire()
        except ConnectionError as error:
            raise LockAway(f"the lock was not to be had: {error}") from None
        except TimeNotGranted as error:
            raise UserError(str(self.options.ttl_given().wrong(str(error)))) from None
        if not is_ours:
            return False
        self._watch()
        return True

    def release(self) -> bool:
        """Gives the lock up; whether it was held until now."""
        with self._mutex:
            if self._watchdog is not None:
                self._watchdog.cancel()
                self._watchdog = None
        if self.lease.token is None:
            return False
        is_released = self.lease.release()
        if not is_released:
            self._logger.error("Can't release lock")
        return is_released

    def refresh(self) -> bool:
        """Says that the task needs the lock for longer; whether it is held."""
        self._is_extended = True
        return self.lease.is_held()

    def get_lock_owner_info(self) -> dict[str, Any] | None:
        """What the holder said of itself; None if nobody has the lock, or its server does not answer."""
        try:
            owner = self.lease.owner()
        except (ConnectionError, UserError) as error:
            self._logger.error("Can't get lock owner info: %s", error)
            return None
        return None if owner is None else dict(owner)

    def interrupt_with(self, interrupt: Callable[[], object] | None) -> None:
        """Has that called when the lock is lost; at once, if it is lost already."""
        self._interrupt = interrupt
        if interrupt is not None and self.lease.is_lost():
            interrupt()

    def _was_lost(self) -> None:
        self._logger.error("The lock %s is lost", self.options.key)
        if self._interrupt is not None:
            self._interrupt()

    def _watch(self) -> None:
        """Looks again when the time is over after which the lock has to be extended."""
        if self.lifespan is None:
            return
        self._is_extended = False
        with self._mutex:
            self._watchdog = threading.Timer(self.lifespan, self._look)
            self._watchdog.daemon = True
            self._watchdog.start()

    def _look(self) -> None:
        with self._mutex:
            if self._watchdog is not threading.current_thread():
                # It was released in this very moment.
                return
        if self._is_extended:
            self._watch()
            return
        if self._interrupt is not None:
            self._interrupt()
        if self._patience is not None:
            kill = threading.Timer(self._patience, os.kill, (os.getpid(), signal.SIGKILL))
            kill.daemon = True
            with self._mutex:
                if self._watchdog is threading.current_thread():
                    self._watchdog = kill
                    kill.start()


class UrlLock(LeaseLock):
    """A lock whose server is named by a URL."""

    class OptionsConfig(LeaseOptions):
        """The options."""

        def url_given(self) -> Given:
            """The URL, and where it was set."""
            return given(self, "url", env=self.env("URL"))

        @option(required=True, attrtype=str)
        def url(self) -> str:
            """The server."""
            return self.url_given().text()

        def __repr__(self) -> str:
            return f"<OptionsConfig: key={self.key!r}, ttl={self.ttl!r}>"

    #: The schemes of URLs that it takes.
    schemes: tuple[str, ...] = ()

    def _open(self) -> Lease:
        scheme = self.options.url.partition(":")[0]
        value = self.options.url_given()
        if scheme not in self.schemes:
            known = " or ".join(f"{it}://" for it in self.schemes)
            raise value.wrong(f"{type(self).__name__}: the URL of its server begins with {known}")
        try:
            return open_lease(self.options.url, self.options.key, ttl=self.options.ttl)
        except UserError as error:
            blamed = self.options.ttl_given() if self._is_url_right() else value
            raise blamed.wrong(f"{type(self).__name__}: {error}") from None

    def _is_url_right(self) -> bool:
        """Whether the lease can be asked for with another time to live."""
        with contextlib.suppress(UserError):
            open_lease(self.options.url, self.options.key).close()
            return True
        return False
