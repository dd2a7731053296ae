"""Whether this process is the ``jug`` command, or plain Python that imported this package."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["begin_command", "command_line", "is_command"]

_is_command = False
_command_line: list[str] = []


def begin_command(command_line: Sequence[str] = ()) -> None:
    """Notes that this process is the command from now on, or works for it.

    Parameters
    ----------
    command_line : sequence of str
        Its words, the program's name first.
    """
    global _is_command
    _is_command = True
    _command_line[:] = command_line


def command_line() -> list[str]:
    """The words of the command that this process is; empty if it only works for it."""
    return list(_command_line)


def is_command() -> bool:
    """Whether it is."""
    return _is_command
