"""The configuration of a launcher and its task, from the command line, the environment and settings."""

from __future__ import annotations

import logging.config
from collections.abc import Mapping
from typing import Any

from .context import Context
from .given import given
from .imports import import_object
from .logging import BASE_LOGGING
from .options import OptionError, OptionsContainer, option

__all__ = [
    "Config",
    "ConfigGroup",
    "LivenessConfig",
    "MetricsConfig",
    "OneInstanceConfig",
    "RetryConfigMixin",
]


class ConfigGroup(OptionsContainer):
    """Options that belong together, within a :class:`Config` or another group.

    Parameters
    ----------
    settings : mapping
        What the settings module has for this group.
    args_parser : argparse.Namespace
        The command line.
    """

    #: How the settings of the group are called in messages.
    settings_path = ""

    def initialize(self, *args: Any, **kwargs: Any) -> None:
        """Called before options are read; for derived classes, which call it, too.

        Parameters
        ----------
        *args, **kwargs
            What the class was called with: the settings and the command line.
        """
        self._settings, self._args_parser = args

    @property
    def as_kwargs(self) -> dict[str, Any]:
        """All options, by name."""
        return {name: getattr(self, name) for name in option.get_option_names(self)}


class Config(OptionsContainer):
    """All options. Users derive from it and name their class in ``CONFIG_CLASS`` of the settings module.

    Parameters
    ----------
    settings : module or None
        The settings module.
    args_parser : argparse.Namespace
        The command line.
    task_cls : type
        The class of the task.

    Raises
    ------
    ValueError
        If an option has no value that it may have.
    """

    def __init__(self, settings: Any, args_parser: Any, task_cls: Any) -> None:
        self._settings = settings
        self._args_parser = args_parser
        self._task_cls = task_cls
        super().__init__()

    def __repr__(self) -> str:
        return f"<{type(self).__module__}.{type(self).__name__}: {id(self):#x}>"

    def initialize(self, *args: Any, **kwargs: Any) -> None:
        """Called before options are read; for derived classes.

        Parameters
        ----------
        *args, **kwargs
            Nothing here.
        """

    def _configure_logging(self) -> None:
        """Configures Python's logging by the option `logging`."""
        try:
            logging.config.dictConfig(self.logging)
        except (ValueError, TypeError, AttributeError, ImportError) as error:
            why = f"{error}: {error.__cause__}" if error.__cause__ else f"{error}"
            source = given(self, "LOGGING", BASE_LOGGING, env="JOBSLIB_LOGGING")
            raise OptionError(f"Config.logging: {source.wrong(why)}") from None

    @option
    def logging(self) -> Any:
        """What `logging.config.dictConfig` gets. Default: :data:`~jug.jobslib.logging.BASE_LOGGING`."""
        return given(self, "LOGGING", BASE_LOGGING, env="JOBSLIB_LOGGING").json()

    @option
    def context_class(self) -> Any:
        """The class of the context. Default: :class:`~jug.jobslib.Context`."""
        name = given(self, "CONTEXT_CLASS", "")
        return name.object("class") if name.value else Context

    @option
    def task_class(self) -> Any:
        """The class of the task."""
        return self._task_cls

    @option
    def run_once(self) -> Any:
        """Whether the task is run only once."""
        return given(self, "RUN_ONCE", False, flag="--run-once", env="JOBSLIB_RUN_ONCE").is_on()

    @option(attrtype=(int, float))
    def sleep_interval(self) -> float:
        """How many seconds pass between the end of a run and the next one."""
        value = given(self, "SLEEP_INTERVAL", 0, flag="--sleep-interval", env="JOBSLIB_SLEEP_INTERVAL")
        return value.seconds()

    @option(attrtype=(int, float))
    def run_interval(self) -> float:
        """How many seconds pass from the start of a run to that of the next one."""
        value = given(self, "RUN_INTERVAL", 0, flag="--run-interval", env="JOBSLIB_RUN_INTERVAL")
        return value.seconds()

    @option
    def release_on_error(self) -> Any:
        """Whether the lock is released when the task fails, also where it is kept otherwise."""
        flag, env = "--release-on-error", "JOBSLIB_RELEASE_ON_ERROR"
        return given(self, "RELEASE_ON_ERROR", False, flag=flag, env=env).is_on()

    @option
    def keep_lock(self) -> Any:
        """Whether the lock is kept between runs."""
        return given(self, "KEEP_LOCK", False, flag="--keep-lock", env="JOBSLIB_KEEP_LOCK").is_on()

    @option
    def one_instance(self) -> OneInstanceConfig:
        """The lock of the one instance."""
        return OneInstanceConfig(_group(self, "ONE_INSTANCE"), self._args_parser)

    @option
    def liveness(self) -> LivenessConfig:
        """Where stamps of successful runs go."""
        return LivenessConfig(_group(self, "LIVENESS"), self._args_parser)

    @option
    def metrics(self) -> MetricsConfig:
        """Where durations go."""
        return MetricsConfig(_group(self, "METRICS"), self._args_parser)


def _group(config: Config, name: str) -> Mapping[str, Any]:
    """The settings of a group, which are a dictionary."""
    value = given(config, name, {})
    if not isinstance(value.value, Mapping):
        raise value.wrong(f"must be one dictionary with 'backend' and 'options', not {value.value!r}")
    return value.value


class _BackendConfig(ConfigGroup):
    """A class, and what it is configured with."""

    @option
    def options(self) -> Any:
        """The options of the backend, in a group of its class `OptionsConfig`."""
        value = given(self, "options", {})
        if not isinstance(value.value, Mapping):
            raise value.wrong(f"must be a dictionary, not {value.value!r}")
        kind = self.backend.OptionsConfig
        if not kind.settings_path:
            kind = type(kind.__name__, (kind,), {"settings_path": f"{self.settings_path}['options']"})
        return kind(value.value, self._args_parser)

    @option
    def backend(self) -> Any:
        """The class."""
        raise NotImplementedError


class OneInstanceConfig(_BackendConfig):
    """The lock of the one instance: `backend` and `options`."""

    settings_path = "ONE_INSTANCE"

    @option
    def backend(self) -> Any:
        """The class of the lock; with ``--disable-one-instance`` that of none."""
        if self._args_parser.disable_one_instance:
            return import_object("jobslib.oneinstance.dummy.DummyLock")
        value = given(self, "backend", None, env="JOBSLIB_ONE_INSTANCE_BACKEND")
        if value.value is None:
            raise OptionError(
                "no lock is configured: name its class by ONE_INSTANCE['backend'] in the settings module or "
                "by JOBSLIB_ONE_INSTANCE_BACKEND, or use --disable-one-instance"
            )
        return value.object("class of a lock")


class LivenessConfig(_BackendConfig):
    """Where stamps of successful runs go: `backend` and `options`."""

    settings_path = "LIVENESS"

    @option
    def backend(self) -> Any:
        """The class. Default: none are kept."""
        default = "jobslib.liveness.dummy.DummyLiveness"
        return given(self, "backend", default, env="JOBSLIB_LIVENESS_BACKEND").object("class of liveness")


class MetricsConfig(_BackendConfig):
    """Where durations go: `backend` and `options`."""

    settings_path = "METRICS"

    @option
    def backend(self) -> Any:
        """The class. Default: they go nowhere."""
        default = "jobslib.metrics.dummy.DummyMetrics"
        return given(self, "backend", default, env="JOBSLIB_METRICS_BACKEND").object("class of metrics")


class RetryConfigMixin:
    """How often a request to a server is repeated; `retry_env_prefix` begins its variables."""

    retry_env_prefix = ""

    @option(required=True, attrtype=int)
    def retry_max_attempts(self) -> int:
        """How often a request is made. Default: 0, which is once, as is 1."""
        return given(self, "retry_max_attempts", 0, env=f"{self.retry_env_prefix}RETRY_MAX_ATTEMPTS").count()

    @option(required=True, attrtype=int)
    def retry_wait_multiplier(self) -> int:
        """The pause before attempt n + 1 is 2^n times so many milliseconds. Default: 50."""
        env = f"{self.retry_env_prefix}RETRY_WAIT_MULTIPLIER"
        return given(self, "retry_wait_multiplier", 50, env=env).count()
