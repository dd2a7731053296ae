"""The lock in a PostgreSQL server."""

from __future__ import annotations

from .leased import UrlLock

__all__ = ["PostgresLock"]


class PostgresLock(UrlLock):
    """An advisory lock of a connection of its own: ``{'url': 'postgresql://HOST/DATABASE', 'key': ...}``.

    It is free at once when its holder dies.
    """

    log_name = "jobslib.oneinstance.postgres"
    schemes = ("postgresql", "postgres")

    class OptionsConfig(UrlLock.OptionsConfig):
        """`url`, `key`, `ttl`; in the environment behind ``JOBSLIB_ONE_INSTANCE_POSTGRES_``."""

        kind = "POSTGRES"
