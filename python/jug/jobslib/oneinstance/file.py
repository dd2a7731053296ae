"""The lock in a directory."""

from __future__ import annotations

from typing import Any

from ...leases.base import Lease
from ...leases.native import FileLease
from ..given import given
from ..options import option
from .leased import LeaseLock, LeaseOptions

__all__ = ["FileLock"]


class FileLock(LeaseLock):
    """A lock in a directory: ``ONE_INSTANCE['options'] = {'directory': ..., 'key': ...}``.

    On a filesystem of one host it is free at once when its holder dies; on one that several hosts use, `ttl`
    seconds later.
    """

    log_name = "jobslib.oneinstance.file"

    class OptionsConfig(LeaseOptions):
        """`directory`, `key`, `ttl`; in the environment behind ``JOBSLIB_ONE_INSTANCE_FILE_``."""

        kind = "FILE"

        @option(required=True, attrtype=str)
        def directory(self) -> str:
            """The directory, which is created if need be."""
            return given(self, "directory", env=self.env("DIRECTORY")).text()

    def _open(self) -> Lease:
        options: dict[str, Any] = {} if self.options.ttl is None else {"ttl": self.options.ttl}
        return FileLease(self.options.directory, self.options.key, **options)
