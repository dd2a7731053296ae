"""Numbers in InfluxDB: 1.x by HTTP, 2.x with a token through its client."""

from __future__ import annotations

import base64
import logging
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any

from ...errors import UserError
from ..config import ConfigGroup, RetryConfigMixin
from ..given import given
from ..options import option
from ..outbox import Outbox
from . import BaseMetrics

__all__ = ["InfluxDBMetrics"]

_PREFIX = "JOBSLIB_METRICS_INFLUXDB_"

#: How long an answer may take, in seconds.
_LIMIT = 5.0

_IN_NAMES = str.maketrans({",": r"\,", " ": r"\ ", "\n": r"\ "})
_IN_TAGS = _IN_NAMES | str.maketrans({"=": r"\="})


class InfluxDBMetrics(BaseMetrics):
    """Writes each number as the field `value` of a measurement of its name, with a tag `task`.

    The task does not wait for the server; while that is away, numbers are kept, the last 1000 of them. With
    the option `token` the server is one of InfluxDB 2: `org` and `bucket` are needed then.
    """

    class OptionsConfig(RetryConfigMixin, ConfigGroup):
        """The options."""

        retry_env_prefix = _PREFIX

        @option(required=True, attrtype=str)
        def scheme(self) -> str:
            """``http`` (the default) or ``https``."""
            return given(self, "scheme", "http", env=f"{_PREFIX}SCHEME").text()

        @option(required=True, attrtype=str)
        def host(self) -> str:
            """The server. Default: localhost."""
            return given(self, "host", "localhost", env=f"{_PREFIX}HOST").text()

        @option(attrtype=int)
        def port(self) -> int:
            """Its port. Default: 8086."""
            return given(self, "port", 8086, env=f"{_PREFIX}PORT").count(1, 65535)

        @option(required=True, attrtype=str)
        def username(self) -> str:
            """The user. Default: root."""
            return given(self, "username", "root", env=f"{_PREFIX}USERNAME").text()

        @option(required=True, attrtype=str)
        def password(self) -> str:
            """The password. Default: root."""
            value = given(self, "password", "root", env=f"{_PREFIX}PASSWORD")
            if not isinstance(value.value, str):
                raise value.wrong("must be a string")
            return value.value

        @option(attrtype=str)
        def database(self) -> str | None:
            """The database of InfluxDB 1."""
            if self.token is not None:
                return None
            return given(self, "database", env=f"{_PREFIX}DBNAME").text()

        @option(attrtype=str)
        def token(self) -> str | None:
            """The token of InfluxDB 2; None: it is InfluxDB 1."""
            value = given(self, "token", None, env=f"{_PREFIX}TOKEN")
            if value.value is not None and not isinstance(value.value, str):
                raise value.wrong("must be a string")
            return value.value

        @option(attrtype=str)
        def org(self) -> str | None:
            """The organisation of InfluxDB 2."""
            return None if self.token is None else given(self, "org", env=f"{_PREFIX}ORG").text()

        @option(attrtype=str)
        def bucket(self) -> str | None:
            """The bucket of InfluxDB 2."""
            return None if self.token is None else given(self, "bucket", env=f"{_PREFIX}BUCKET").text()

        def __repr__(self) -> str:
            return f"<OptionsConfig: host={self.host!r}, port={self.port!r}, database={self.database!r}>"

    def __init__(self, context: Any, options: Any) -> None:
        super().__init__(context, options)
        self._logger = logging.getLogger("jobslib.metrics.influxdb")
        self._complaint = "Push monitoring metrics into InfluxDb failed"
        write = _writer(options)
        self._outbox = Outbox(write, self._logger, self._complaint)

    def push(self, metrics: Mapping[str, Mapping[str, Any]]) -> None:
        """Has numbers written, as of now. What is wrong with one of them is logged, and none of them is."""
        try:
            lines = list(self._lines(metrics, time.time_ns()))
        except Exception as error:
            self._logger.error("%s: %s", self._complaint, error)
            return
        self._outbox.add("\n".join(lines).encode())

    def _lines(self, metrics: Mapping[str, Mapping[str, Any]], now: int) -> Iterator[str]:
        """The numbers in the line protocol of InfluxDB."""
        for name, metric in metrics.items():
            tags = {"task": self.context.config.task_class.name}
            for tag, value in metric.get("tags", {}).items():
                if tag in tags:
                    raise ValueError(f"Tag '{tag}' is reserved")
                tags[tag] = value
            # What is empty is no tag to InfluxDB.
            words = [
                f"{_escaped(tag)}={_escaped(value)}" for tag, value in sorted(tags.items()) if str(value)
            ]
            place = ",".join([str(name).translate(_IN_NAMES), *words])
            yield f"{place} value={float(metric['value'])!r} {now}"


def _escaped(text: object) -> str:
    return str(text).translate(_IN_TAGS)


def _writer(options: Any) -> Any:
    """What writes lines to the server."""
    url = f"{options.scheme}://{options.host}:{options.port}"
    if options.token is None:
        query = urllib.parse.urlencode({"db": options.database, "precision": "ns"})
        login = base64.b64encode(f"{options.username}:{options.password}".encode()).decode()
        headers = {"Authorization": f"Basic {login}", "Content-Type": "text/plain; charset=utf-8"}
        return lambda lines: _post(f"{url}/write?{query}", headers, lines)
    try:
        from influxdb_client import InfluxDBClient
        from influxdb_client.client.write_api import SYNCHRONOUS
    except ImportError:
        raise UserError(
            "InfluxDB 2 needs the package influxdb-client: pip install 'jug-rs[influxdb2]'"
        ) from None
    client = InfluxDBClient(url=url, token=options.token, org=options.org, timeout=int(_LIMIT * 1000))
    writer = client.write_api(write_options=SYNCHRONOUS)
    return lambda lines: writer.write(
        bucket=options.bucket, org=options.org, record=lines, write_precision="ns"
    )


def _post(url: str, headers: dict[str, str], lines: bytes) -> None:
    request = urllib.request.Request(url, lines, headers)
    try:
        with urllib.request.urlopen(request, timeout=_LIMIT) as answer:
            answer.read()
    except urllib.error.HTTPError as error:
        text = error.read(500).decode(errors="replace").strip()
        raise OSError(f"status {error.code}: {text}") from None
    except urllib.error.URLError as error:
        raise OSError(str(error.reason)) from None
