"""What locks, liveness and metrics have in common: each is made for a context, with options."""

from __future__ import annotations

from typing import Any

from .config import ConfigGroup

__all__ = ["Backend"]


class Backend:
    """A class that settings name as a `backend`.

    Parameters
    ----------
    context : Context
        Of the task.
    options : OptionsConfig
        The options, as read from the settings.
    """

    class OptionsConfig(ConfigGroup):
        """The options; by default there are none."""

    def __init__(self, context: Any, options: Any) -> None:
        self.context = context
        self.options = options
