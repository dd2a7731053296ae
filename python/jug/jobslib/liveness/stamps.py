"""What stamps have in common that are kept outside of the launcher."""

from __future__ import annotations

import json
import logging
from abc import abstractmethod
from typing import Any

from ...errors import UserError
from ..outbox import Outbox
from . import BaseLiveness

__all__ = ["NoStamp", "StampKeeper"]


class NoStamp(UserError, KeyError):
    """There is no stamp: no run has succeeded yet, or it was stored elsewhere."""

    def __str__(self) -> str:
        return str(self.args[0])


class StampKeeper(BaseLiveness):
    """Stores stamps as JSON without having the task wait for that."""

    #: The logger, as jobslib names it.
    log_name = "jobslib.liveness"

    def __init__(self, context: Any, options: Any) -> None:
        super().__init__(context, options)
        logger = logging.getLogger(self.log_name)
        # An older stamp is of no use where there is another one.
        self._outbox = Outbox(self._store, logger, "Can't write liveness state", most=1)

    def write(self) -> None:
        """Has a stamp of now stored."""
        self._outbox.add(json.dumps(self.get_state()).encode())

    def read(self) -> dict[str, Any]:
        """The stamp that was stored last.

        Raises
        ------
        UserError
            If there is none, or the place where it is does not answer.
        """
        try:
            found = self._load()
        except OSError as error:
            raise UserError(f"cannot read the liveness state in {self.place}: {error}") from None
        if found is None:
            raise NoStamp(f"there is no liveness state in {self.place}: no run has succeeded yet")
        try:
            record: dict[str, Any] = json.loads(found)
            float(record["timestamp"])
        except (ValueError, TypeError, LookupError):
            raise UserError(f"what is in {self.place} is no liveness state") from None
        return record

    @property
    @abstractmethod
    def place(self) -> str:
        """Where stamps are, in words without a password."""

    @abstractmethod
    def _store(self, stamp: bytes) -> None:
        """Stores one."""

    @abstractmethod
    def _load(self) -> bytes | None:
        """The last one; None if there is none. OSError where that cannot be known."""
