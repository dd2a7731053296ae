"""Numbers for Prometheus: to be fetched, in a text file of its node exporter, or pushed to a Pushgateway."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from ...errors import UserError
from ..config import ConfigGroup
from ..given import given
from ..options import OptionError, option
from ..outbox import Outbox
from . import BaseMetrics

__all__ = ["PrometheusMetrics"]

_PREFIX = "JOBSLIB_METRICS_PROMETHEUS_"

#: How long an answer of a Pushgateway may take, in seconds.
_LIMIT = 5.0

_WHAT = {
    "job_duration_seconds": "How long the last run took that ended so.",
    "last_successful_run_timestamp": "When the last run succeeded, in seconds since 1970.",
}


class PrometheusMetrics(BaseMetrics):
    """Keeps the last value of each number with its tags as a gauge with labels, and counts runs.

    At least one of the options `port`, `textfile` and `pushgateway` is needed; the first is not for single
    runs.
    """

    #: A task in a process of its own leaves numbers to its launcher, which has the port.
    belongs_to_launcher = True

    class OptionsConfig(ConfigGroup):
        """The options."""

        @option(required=True, attrtype=str)
        def host(self) -> str:
            """The address on which Prometheus fetches numbers. Default: 127.0.0.1."""
            return given(self, "host", "127.0.0.1", env=f"{_PREFIX}HOST").text()

        @option(attrtype=int)
        def port(self) -> int | None:
            """The port for that; None: none."""
            value = given(self, "port", None, env=f"{_PREFIX}PORT")
            return None if value.value is None else value.count(0, 65535)

        @option(attrtype=str)
        def textfile(self) -> str | None:
            """A file ``NAME.prom`` in the directory of the node exporter's textfile collector; None: none."""
            value = given(self, "textfile", None, env=f"{_PREFIX}TEXTFILE")
            return None if value.value is None else value.text()

        @option(attrtype=str)
        def pushgateway(self) -> str | None:
            """The URL of a Pushgateway; None: none."""
            value = given(self, "pushgateway", None, env=f"{_PREFIX}PUSHGATEWAY")
            return None if value.value is None else value.text()

        @option(attrtype=str)
        def job(self) -> str | None:
            """The name under which the Pushgateway keeps numbers. Default: that of the task."""
            value = given(self, "job", None, env=f"{_PREFIX}JOB")
            return None if value.value is None else value.text()

        def initialize(self, *args: Any, **kwargs: Any) -> None:
            """Checks that numbers go anywhere."""
            super().initialize(*args, **kwargs)
            if self.port is None and self.textfile is None and self.pushgateway is None:
                raise OptionError("one of the options port, textfile and pushgateway is needed")

    def __init__(self, context: Any, options: Any) -> None:
        super().__init__(context, options)
        self._values: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
        self._runs: dict[str, int] = {}
        self._mutex = threading.Lock()
        try:
            import prometheus_client
        except ImportError:
            raise UserError(
                "Prometheus needs the package prometheus-client: pip install 'jug-rs[prometheus]'"
            ) from None
        self._client = prometheus_client
        self._registry = prometheus_client.CollectorRegistry()
        self._registry.register(self)
        if options.port is not None:
            try:
                prometheus_client.start_http_server(options.port, options.host, self._registry)
            except OSError as error:
                place = f"{options.host}:{options.port}"
                raise UserError(f"cannot serve metrics at {place}: {error.strerror or error}") from None
        logger = logging.getLogger("jobslib.metrics.prometheus")
        self._outbox = Outbox(lambda _: self._send(), logger, "Push monitoring metrics failed", most=1)

    def push(self, metrics: Mapping[str, Mapping[str, Any]]) -> None:
        """Keeps numbers, and has them written or pushed."""
        task = self.context.config.task_class.name
        with self._mutex:
            for name, metric in metrics.items():
                tags = {"task": task, **metric.get("tags", {})}
                labels = tuple(sorted((_name(tag), str(value)) for tag, value in tags.items()))
                self._values[_name(name), labels] = float(metric["value"])
                if name == "job_duration_seconds":
                    status = str(tags.get("status"))
                    self._runs[status] = self._runs.get(status, 0) + 1
        if self.options.textfile is not None or self.options.pushgateway is not None:
            self._outbox.add(True)

    def collect(self) -> Iterator[Any]:
        """The numbers, as prometheus-client asks for them."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        task = self.context.config.task_class.name
        with self._mutex:
            families: dict[str, Any] = {}
            for (name, labels), value in self._values.items():
                if name not in families:
                    families[name] = GaugeMetricFamily(name, _WHAT.get(name, "A number of the task."))
                families[name].add_sample(name, dict(labels), value)
            runs = CounterMetricFamily("job_runs", "How many runs ended so.", labels=["task", "status"])
            for status, count in self._runs.items():
                runs.add_metric([task, status], count)
        yield from families.values()
        yield runs

    def _send(self) -> None:
        if self.options.textfile is not None:
            self._client.write_to_textfile(self.options.textfile, self._registry)
        if self.options.pushgateway is not None:
            job = self.options.job or self.context.config.task_class.name or "jobslib"
            self._client.push_to_gateway(
                self.options.pushgateway, job=job, registry=self._registry, timeout=_LIMIT
            )


def _name(text: object) -> str:
    """A name as Prometheus allows it."""
    return re.sub(r"^(?=\d)|[^a-zA-Z0-9_]", "_", str(text))
