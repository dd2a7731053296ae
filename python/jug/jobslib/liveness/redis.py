"""Stamps in a redis server."""

from __future__ import annotations

from ... import _native
from ..config import ConfigGroup
from ..given import given
from ..options import option
from .stamps import StampKeeper

__all__ = ["RedisLiveness"]


class RedisLiveness(StampKeeper):
    """Keeps the stamp under a key: ``LIVENESS['options'] = {'url': 'redis://HOST', 'key': ...}``."""

    log_name = "jobslib.liveness.redis"

    class OptionsConfig(ConfigGroup):
        """The options."""

        @option(required=True, attrtype=str)
        def url(self) -> str:
            """The server, as ``redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE]`` or ``rediss://``."""
            value = given(self, "url", env="JOBSLIB_LIVENESS_REDIS_URL")
            try:
                _native.redis_url(value.text())
            except ValueError as error:
                raise value.wrong(str(error)) from None
            return value.text()

        @option(required=True, attrtype=str)
        def key(self) -> str:
            """The key."""
            return given(self, "key", env="JOBSLIB_LIVENESS_REDIS_KEY").text()

        def __repr__(self) -> str:
            return f"<OptionsConfig: key={self.key!r}, url={_native.redis_url(self.url)!r}>"

    @property
    def place(self) -> str:
        """The server and the key."""
        return f"{_native.redis_url(self.options.url)}, {self.options.key}"

    def _store(self, stamp: bytes) -> None:
        _native.redis_ask(self.options.url, [b"SET", self.options.key.encode(), stamp])

    def _load(self) -> bytes | None:
        return _native.redis_ask(self.options.url, [b"GET", self.options.key.encode()])
