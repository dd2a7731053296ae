"""The lock in a redis server."""

from __future__ import annotations

from .leased import UrlLock

__all__ = ["RedisLock"]


class RedisLock(UrlLock):
    """A key that expires: ``ONE_INSTANCE['options'] = {'url': 'redis://HOST', 'key': ..., 'ttl': 20}``.

    Its heartbeat needs no interpreter.
    """

    log_name = "jobslib.oneinstance.redis"
    schemes = ("redis", "rediss")

    class OptionsConfig(UrlLock.OptionsConfig):
        """`url`, `key`, `ttl`; in the environment behind ``JOBSLIB_ONE_INSTANCE_REDIS_``."""

        kind = "REDIS"
