"""Stamps in Consul."""

from __future__ import annotations

from typing import Any

from ..config import ConfigGroup, RetryConfigMixin
from ..consul_client import client_of, consul_errors
from ..given import given
from ..options import option
from .stamps import StampKeeper

__all__ = ["ConsulLiveness"]

_PREFIX = "JOBSLIB_LIVENESS_CONSUL_"


class ConsulLiveness(StampKeeper):
    """Keeps the stamp under a key of Consul's, through py-consul."""

    log_name = "jobslib.liveness.consul"

    class OptionsConfig(RetryConfigMixin, ConfigGroup):
        """The options."""

        retry_env_prefix = _PREFIX

        @option(required=True, attrtype=str)
        def scheme(self) -> str:
            """``http`` (the default) or ``https``."""
            return given(self, "scheme", "http", env=f"{_PREFIX}SCHEME").text()

        @option(required=True, attrtype=str)
        def host(self) -> str:
            """The agent. Default: 127.0.0.1."""
            return given(self, "host", "127.0.0.1", env=f"{_PREFIX}HOST").text()

        @option(required=True, attrtype=int)
        def port(self) -> int:
            """Its port. Default: 8500."""
            return given(self, "port", 8500, env=f"{_PREFIX}PORT").count(1, 65535)

        @option(required=True, attrtype=(int, float))
        def timeout(self) -> float:
            """How many seconds an answer may take. Default: 5."""
            return given(self, "timeout", 5.0, env=f"{_PREFIX}TIMEOUT").above_0()

        @option(required=True, attrtype=str)
        def key(self) -> str:
            """The key."""
            return given(self, "key", env=f"{_PREFIX}KEY").text()

    def __init__(self, context: Any, options: Any) -> None:
        super().__init__(context, options)
        self._consul = client_of(options)

    @property
    def place(self) -> str:
        """The agent and the key."""
        return f"{self.options.scheme}://{self.options.host}:{self.options.port}, {self.options.key}"

    def _store(self, stamp: bytes) -> None:
        with consul_errors():
            if not self._consul.kv.put(self.options.key, stamp.decode()):
                raise OSError("Consul refuses it")

    def _load(self) -> bytes | None:
        with consul_errors():
            found = self._consul.kv.get(self.options.key)[1]
        return None if found is None else found["Value"]
