"""Where stamps of successful runs go, and how their age is checked."""

from __future__ import annotations

import abc
import sys
from typing import Any

from ...errors import UserError
from ..backend import Backend
from ..cmdlineparser import argument
from ..tasks import _Task
from ..time import get_current_time, to_local, to_utc

__all__ = ["BaseLiveness"]


class BaseLiveness(Backend, abc.ABC):
    """A place for the stamp of the last successful run. Derive from it for one of your own.

    Parameters
    ----------
    context : Context
        Of the task.
    options : OptionsConfig
        The options, as read from the settings.
    """

    @abc.abstractmethod
    def write(self) -> None:
        """Stores :meth:`get_state` as of now. Called after each successful run."""
        raise NotImplementedError

    @abc.abstractmethod
    def read(self) -> dict[str, Any]:
        """What was stored last."""
        raise NotImplementedError

    def check(self, max_age: float) -> bool:
        """Whether the last successful run ended no longer ago than `max_age` seconds."""
        timestamp: float = self.read()["timestamp"]
        return get_current_time() - timestamp <= max_age

    def get_state(self) -> dict[str, Any]:
        """A stamp: `fqdn`, `timestamp` (seconds since 1970), `time_utc` and `time_local`."""
        timestamp = get_current_time()
        return {
            "fqdn": self.context.fqdn,
            "timestamp": timestamp,
            "time_utc": to_utc(timestamp),
            "time_local": to_local(timestamp),
        }


class CheckLiveness(_Task):
    """``runjob check-liveness --max-age N``: exit status 0 if the last stamp is no older, else 1."""

    name = "check-liveness"
    description = "check if liveness is valid"
    arguments = (
        argument(
            "--max-age",
            action="store",
            dest="max_age",
            type=int,
            required=True,
            help="how old the stamp may be, in seconds",
        ),
    )

    def initialize(self) -> None:
        """Takes the age from the command line."""
        self.max_age: int = self.context.config._args_parser.max_age

    def task(self) -> None:
        """Prints PASS or FAIL, and exits."""
        if self.max_age <= 0:
            raise UserError(f"Invalid max_age: {self.max_age}")
        is_valid = self.context.liveness.check(self.max_age)
        sys.stdout.write("PASS\n" if is_valid else "FAIL\n")
        sys.stdout.flush()
        sys.exit(0 if is_valid else 1)
