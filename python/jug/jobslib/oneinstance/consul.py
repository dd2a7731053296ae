"""The lock in Consul, among data centres."""

from __future__ import annotations

import math
import time

from ...leases.base import Lease
from ...leases.consul import ConsulLease
from ..config import RetryConfigMixin
from ..given import Given, given
from ..options import option
from .leased import LeaseLock, LeaseOptions

__all__ = ["ConsulLock"]

_DAY = 86400

#: For how long a session lives without a heartbeat at least, as Consul allows.
_LEAST = 10


class ConsulLock(LeaseLock):
    """A key that a session holds, through py-consul; the session ends when the lock is released.

    A task that takes longer than `ttl` has to call `extend_lock()` within each such time, else
    OneInstanceWatchdogError is raised in it. The session itself lives for `session_ttl` seconds without a
    heartbeat, so another instance gets the lock of one that was killed after once to twice that time and
    `lock_delay`: Consul allows no less than 10 seconds.
    """

    log_name = "jobslib.oneinstance.consul"

    class OptionsConfig(RetryConfigMixin, LeaseOptions):
        """The options; in the environment behind ``JOBSLIB_ONE_INSTANCE_CONSUL_``."""

        kind = "CONSUL"
        # As under jobslib.
        takes_others = True
        retry_env_prefix = "JOBSLIB_ONE_INSTANCE_CONSUL_"

        @option(required=True, attrtype=str)
        def scheme(self) -> str:
            """``http`` (the default) or ``https``."""
            value = given(self, "scheme", "http", env=self.env("SCHEME"))
            if value.value not in ("http", "https"):
                raise value.wrong(f"must be http or https, not {value.value!r}")
            return value.text()

        @option(required=True, attrtype=str)
        def host(self) -> str:
            """The agent. Default: 127.0.0.1."""
            return given(self, "host", "127.0.0.1", env=self.env("HOST")).text()

        @option(required=True, attrtype=int)
        def port(self) -> int:
            """Its port. Default: 8500."""
            return given(self, "port", 8500, env=self.env("PORT")).count(1, 65535)

        @option(required=True, attrtype=(int, float))
        def timeout(self) -> float:
            """Taken, and not needed: an answer may take a third of `session_ttl`."""
            return given(self, "timeout", 5.0, env=self.env("TIMEOUT")).above_0()

        @option(required=True, attrtype=str)
        def key(self) -> str:
            """The key."""
            names = (self.env("KEY"), "JOBSLIB_ONE_INSTANCE_OPTIONS_KEY")
            return given(self, "key", env=names).text()

        @option(required=True, attrtype=(int, float))
        def ttl(self) -> float:
            """For how many seconds a task has the lock without extending it, 10 to 86400. Default: 86400."""
            names = (self.env("TTL"), "JOBSLIB_ONE_INSTANCE_OPTIONS_TTL")
            return given(self, "ttl", _DAY, env=names).seconds(_LEAST, _DAY)

        @option(required=True, attrtype=(int, float))
        def lock_delay(self) -> float:
            """For how many seconds Consul keeps the key of an expired session, 0 to 60. Default: 1."""
            names = (self.env("LOCK_DELAY"), "JOBSLIB_ONE_INSTANCE_LOCK_DELAY")
            return given(self, "lock_delay", 1, env=names).seconds(0, 60)

        @option(required=True, attrtype=(int, float))
        def session_ttl(self) -> float:
            """For how many seconds a session lives without a heartbeat, 10 to 86400. Default: 10."""
            return self.ttl_given().seconds(_LEAST, _DAY)

        def ttl_given(self) -> Given:
            """The time to live of sessions, and where it was set."""
            return given(self, "session_ttl", _LEAST, env=self.env("SESSION_TTL"))

    def acquire(self) -> bool:
        """Tries to get the lock, as often as `retry_max_attempts` says while Consul does not answer."""
        most = self.options.retry_max_attempts
        for attempt in range(1, most):
            try:
                return super().acquire()
            except ConnectionError:
                time.sleep(2**attempt * self.options.retry_wait_multiplier / 1000)
        return super().acquire()

    @property
    def lifespan(self) -> float:
        """The option `ttl`."""
        return float(self.options.ttl)

    def _open(self) -> Lease:
        options = self.options
        scheme = "consuls" if options.scheme == "https" else "consul"
        host = f"[{options.host}]" if ":" in options.host else options.host
        return ConsulLease(
            f"{scheme}://{host}:{options.port}",
            options.key,
            ttl=options.session_ttl,
            lock_delay=math.ceil(options.lock_delay),
            key=options.key,
        )
