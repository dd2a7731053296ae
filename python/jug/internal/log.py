"""Messages for users of `logging`, which is not imported for them: that takes longer than a hundred tasks."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging

__all__ = ["bind", "info", "is_shown"]

_logger: logging.Logger | None = None


def info(message: str, *args: object) -> None:
    """Logs a message as ``logging.getLogger("jug").info`` does, once something else has imported `logging`.

    Before that nothing can have set a level or a handler that would show it.

    Parameters
    ----------
    message : str
        With placeholders for `args`, as in `logging`.
    *args
        What replaces them.
    """
    if is_shown() and _logger is not None:
        _logger.info(message, *args)


def is_shown() -> bool:
    """Whether anything is done with such messages now."""
    if _logger is None:
        if "logging" not in sys.modules:
            return False
        bind()
    return _logger is not None and _logger.isEnabledFor(20)  # logging.INFO


def bind() -> None:
    """Imports `logging` for all further messages, before a jugfile of that name takes its place."""
    global _logger
    import logging

    _logger = logging.getLogger("jug")
