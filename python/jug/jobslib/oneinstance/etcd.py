"""The lock in etcd."""

from __future__ import annotations

from .leased import UrlLock

__all__ = ["EtcdLock"]


class EtcdLock(UrlLock):
    """A key with a lease: ``ONE_INSTANCE['options'] = {'url': 'etcd://HOST', 'key': ..., 'ttl': 20}``."""

    log_name = "jobslib.oneinstance.etcd"
    schemes = ("etcd", "etcds")

    class OptionsConfig(UrlLock.OptionsConfig):
        """`url`, `key`, `ttl`; in the environment behind ``JOBSLIB_ONE_INSTANCE_ETCD_``."""

        kind = "ETCD"
