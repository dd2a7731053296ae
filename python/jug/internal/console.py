"""The one place from which jug writes to stderr."""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import sys
from collections.abc import Callable

__all__ = [
    "escaped",
    "fail",
    "is_terminal",
    "never_fail_to_encode",
    "overwrite",
    "say",
    "shortened",
    "show",
    "stay_on",
    "stream",
    "warn",
    "write_through",
]

#: What a terminal would obey instead of showing it. Tabs and line feeds are harmless.
_CONTROL = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\t\n"}
_ESCAPES = "jug.escapes"

#: How many characters of a message are shown: it may hold what an exception of the user's says.
_MOST_SAID = 10_000


#: Who prints instead of this module, because something is shown on the terminal that has to make way.
_writer: Callable[[str], None] | None = None


def write_through(writer: Callable[[str], None] | None) -> Callable[[str], None] | None:
    """Has `writer` print everything from now on; None: this module itself. Who did until now."""
    global _writer
    before, _writer = _writer, writer
    return before


def stay_on(descriptor: int) -> None:
    """Prints where that descriptor leads now, from now on, wherever it and stderr are sent later."""
    copy = open(os.dup(descriptor), "w", encoding="utf-8", errors="backslashreplace")  # noqa: SIM115

    def write(text: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            copy.write(text)
            copy.flush()

    write_through(write)


def escaped(text: str) -> str:
    """`text` with its control characters as they would stand in a string of Python; lines stay lines."""
    return text.translate(_CONTROL)


def shortened(text: str, limit: int) -> str:
    """`text` without its middle where it has more than `limit` characters: both ends say something."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]} ... ({len(text) - 2 * half} characters left out) ... {text[-half:]}"


def say(message: str) -> None:
    """Prints a line that begins with ``jug:``."""
    show(f"jug: {shortened(message, _MOST_SAID)}")


def warn(message: str) -> None:
    """Prints a line about something that the user should know, and that ends nothing."""
    say(f"warning: {message}")


def fail(message: str) -> None:
    """Prints why a command ends with another status than 0."""
    say(f"error: {message}")


def show(text: str) -> None:
    """Prints lines as they are, such as those of a traceback, but for control characters."""
    if text:
        _write(escaped(text.rstrip("\n")) + "\n")


def is_terminal() -> bool:
    """Whether somebody looks on."""
    return sys.stderr is not None and sys.stderr.isatty()


def overwrite(line: str) -> None:
    """Shows `line` on a terminal in place of the one that is shown there; an empty one clears it."""
    _write(f"\r\x1b[K{line}")


class _Stream:
    """What `logging` writes to."""

    def write(self, text: str) -> None:
        _write(text)

    def flush(self) -> None:
        pass


#: stderr, as this module writes to it.
stream = _Stream()


def never_fail_to_encode(stream: io.TextIOWrapper) -> None:
    """Lets `stream` show with escapes what its encoding lacks, such as the name of a task in a table."""
    if stream.errors in ("strict", "surrogateescape"):
        codecs.register_error(_ESCAPES, _escape)
        stream.reconfigure(errors=_ESCAPES)


def _escape(error: UnicodeError) -> tuple[str | bytes, int]:
    # Parts of names of files that are no text come out as they are, as with "surrogateescape".
    try:
        return codecs.lookup_error("surrogateescape")(error)
    except UnicodeError:
        return codecs.backslashreplace_errors(error)


def _write(text: str) -> None:
    if _writer is not None:
        _writer(text)
        return
    # Who closed stderr, or left the other end of the pipe, does not want to know: no task fails of it.
    try:
        if sys.stderr is not None:
            sys.stderr.write(text)
            sys.stderr.flush()
    except (OSError, ValueError):
        pass
