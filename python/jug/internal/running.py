"""Whether this process is the ``jug`` command, or plain Python that imported this package."""

from __future__ import annotations

__all__ = ["begin_command", "is_command"]

_is_command = False


def begin_command() -> None:
    """Notes that this process is the command from now on, or works for it."""
    global _is_command
    _is_command = True


def is_command() -> bool:
    """Whether it is."""
    return _is_command
