"""What a task has at hand: its configuration, its lock, and what its users add."""

from __future__ import annotations

import functools
import socket
from typing import Any, TypeVar

__all__ = ["Context", "cached_property"]

_T = TypeVar("_T")


class cached_property(functools.cached_property[_T]):
    """A property that is computed when it is first read, and is an attribute from then on."""


class Context:
    """Holds the resources of a task, each made when it is first used.

    Users derive from it, with a ``@cached_property`` for each resource, and name their class in
    ``CONTEXT_CLASS`` of the settings module.

    Parameters
    ----------
    config : Config
        The configuration.
    """

    def __init__(self, config: Any) -> None:
        self._config = config
        self.initialize()

    @classmethod
    def from_config(cls, config: Any) -> Context:
        """Makes one.

        Parameters
        ----------
        config : Config
            The configuration.

        Returns
        -------
        Context
            A new one.
        """
        return cls(config)

    def initialize(self) -> None:
        """Called once, when the configuration is there; for derived classes."""

    @cached_property
    def config(self) -> Any:
        """The configuration."""
        return self._config

    @cached_property
    def fqdn(self) -> str:
        """The full name of this host."""
        return socket.getfqdn()

    @cached_property
    def one_instance_lock(self) -> Any:
        """The lock of the one instance: a :class:`~jug.jobslib.oneinstance.BaseLock`."""
        configured = self._config.one_instance
        return configured.backend(self, configured.options)

    @cached_property
    def liveness(self) -> Any:
        """What stamps of successful runs go to: a :class:`~jug.jobslib.liveness.BaseLiveness`."""
        configured = self._config.liveness
        return configured.backend(self, configured.options)

    @cached_property
    def metrics(self) -> Any:
        """What durations go to: a :class:`~jug.jobslib.metrics.BaseMetrics`."""
        configured = self._config.metrics
        return configured.backend(self, configured.options)
