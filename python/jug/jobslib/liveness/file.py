"""Stamps in a file."""

from __future__ import annotations

import os
import tempfile

from ..config import ConfigGroup
from ..given import given
from ..options import option
from .stamps import StampKeeper

__all__ = ["FileLiveness"]


class FileLiveness(StampKeeper):
    """Keeps the stamp in a file, which is replaced as a whole: ``LIVENESS['options'] = {'path': ...}``."""

    log_name = "jobslib.liveness.file"

    class OptionsConfig(ConfigGroup):
        """The options."""

        @option(required=True, attrtype=str)
        def path(self) -> str:
            """The file; its directory has to exist."""
            return given(self, "path", env="JOBSLIB_LIVENESS_FILE_PATH").text()

    @property
    def place(self) -> str:
        """The file."""
        return str(self.options.path)

    def _store(self, stamp: bytes) -> None:
        path = os.path.abspath(self.options.path)
        descriptor, name = tempfile.mkstemp(prefix=".", dir=os.path.dirname(path))
        try:
            with open(descriptor, "wb") as file:
                os.fchmod(descriptor, 0o644)
                file.write(stamp + b"\n")
            os.replace(name, path)
        except BaseException:
            os.unlink(name)
            raise

    def _load(self) -> bytes | None:
        try:
            with open(self.options.path, "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None
