"""Where durations and other numbers of a task go: what every such place does."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import Any

from ..backend import Backend

__all__ = ["BaseMetrics"]


class BaseMetrics(Backend, abc.ABC):
    """A place for numbers. Derive from it for one of your own.

    Parameters
    ----------
    context : Context
        Of the task.
    options : OptionsConfig
        The options, as read from the settings.
    """

    @abc.abstractmethod
    def push(self, metrics: Mapping[str, Mapping[str, Any]]) -> None:
        """Sends numbers there.

        Parameters
        ----------
        metrics : mapping
            By name, for each number a mapping with its `value` and, if it has some, `tags`, by name.
        """
        raise NotImplementedError
