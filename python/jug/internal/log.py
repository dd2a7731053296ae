"""Messages for users of `logging`, which is not imported for them: that takes longer than a hundred tasks."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging

__all__ = ["info"]

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
    global _logger
    if _logger is None:
        if "logging" not in sys.modules:
            return
        import logging

        _logger = logging.getLogger("jug")
    _logger.info(message, *args)
