"""Stamps that the launcher itself serves by HTTP."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

from ...errors import UserError
from ..config import ConfigGroup
from ..given import given
from ..options import option
from . import BaseLiveness
from .stamps import NoStamp

__all__ = ["HttpLiveness"]

#: How long an answer may take, in seconds.
_LIMIT = 5.0


class HttpLiveness(BaseLiveness):
    """The launcher serves health there, as by ``--health``; ``runjob check-liveness`` asks it."""

    class OptionsConfig(ConfigGroup):
        """The options."""

        @option(required=True, attrtype=str)
        def host(self) -> str:
            """The address. Default: 127.0.0.1."""
            return given(self, "host", "127.0.0.1", env="JOBSLIB_LIVENESS_HTTP_HOST").text()

        @option(required=True, attrtype=int)
        def port(self) -> int:
            """The port."""
            return given(self, "port", env="JOBSLIB_LIVENESS_HTTP_PORT").count(1, 65535)

    @property
    def served_at(self) -> tuple[str, int]:
        """Where the launcher serves health."""
        return self.options.host, self.options.port

    def write(self) -> None:
        """Does nothing: the launcher knows when a run succeeded."""

    def read(self) -> dict[str, Any]:
        """What the launcher answers. UserError if it does not, or no run has succeeded yet."""
        host, port = self.served_at
        host = f"[{host}]" if ":" in host else host
        place = f"http://{host}:{port}/stamp"
        # A proxy of the environment has no business here.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(place, timeout=_LIMIT) as answer:
                record: dict[str, Any] = json.loads(answer.read())
        except urllib.error.HTTPError as error:
            if error.code != 404:
                raise UserError(f"{place} answers with status {error.code}") from None
            raise NoStamp(f"there is no liveness state at {place}: no run has succeeded yet") from None
        except (OSError, ValueError) as error:
            raise UserError(f"{place} does not answer: {getattr(error, 'reason', error)}") from None
        return record
