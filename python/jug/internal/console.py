"""The one place from which jug writes to stderr."""

from __future__ import annotations

import re
import sys

__all__ = ["escaped", "fail", "say", "show", "warn"]

#: What a terminal would obey instead of showing it: a tab and a line feed are harmless.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def escaped(text: str) -> str:
    """`text` with its control characters as they would stand in a string of Python; line feeds stay."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def say(message: str) -> None:
    """Prints a line that begins with ``jug:``."""
    show(f"jug: {message}")


def warn(message: str) -> None:
    """Prints a line about something that the user should know, and that ends nothing."""
    say(f"warning: {message}")


def fail(message: str) -> None:
    """Prints why a command ends with another status than 0."""
    say(f"error: {message}")


def show(text: str) -> None:
    """Prints text of one or more lines as it is, such as a traceback, but for its control characters.

    Who closed stderr, or went away from the other end of a pipe, does not want to know: no task fails of it.
    """
    if sys.stderr is None or not text:
        return
    try:
        sys.stderr.write(escaped(text.rstrip("\n")) + "\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        pass
