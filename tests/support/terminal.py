"""A terminal in which a command runs, with what it shows."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
from types import TracebackType

import pyte

from .command import Jug
from .waiting import wait_for

__all__ = ["Terminal"]


class Terminal:
    """Runs ``jug ARGS``, or a script, in a terminal of its own, until the end of the ``with`` block."""

    def __init__(
        self,
        jug: Jug,
        *args: str,
        columns: int = 80,
        lines: int = 24,
        env: dict[str, str] | None = None,
        script: str | None = None,
    ) -> None:
        self._screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self._screen)
        self._lock = threading.Lock()
        #: All that was written to it.
        self.written = b""
        self._master, slave = os.openpty()
        self._set_size(columns, lines)
        self.process = subprocess.Popen(
            [sys.executable, *(["-m", "jug"] if script is None else [script]), *args],
            cwd=jug.folder,
            env={**_without(jug.env(), "NO_COLOR", "COLORTERM"), "TERM": "xterm-256color", **(env or {})},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=_control_terminal,
        )
        os.close(slave)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        self.process.wait(60)
        self._reader.join(60)
        os.close(self._master)

    def _set_size(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def _read(self) -> None:
        # Reading from a terminal that nobody has open any more is an error.
        with contextlib.suppress(OSError):
            while data := os.read(self._master, 1 << 16):
                with self._lock:
                    self.written += data
                    self._stream.feed(data)

    def resize(self, columns: int, lines: int) -> None:
        """Gives the window another size; what is too long for it is cut off."""
        with self._lock:
            self._set_size(columns, lines)
            self._screen.resize(lines, columns)

    def press(self, keys: bytes) -> None:
        """Types something, such as Ctrl-C (3) or Ctrl-Z (26)."""
        os.write(self._master, keys)

    def lines(self) -> list[str]:
        """What it shows now, without empty lines at the end."""
        with self._lock:
            return "\n".join(line.rstrip() for line in self._screen.display).rstrip("\n").split("\n")

    def text(self) -> str:
        """The same as one text."""
        return "\n".join(self.lines())

    def is_cursor_shown(self) -> bool:
        """Whether the cursor can be seen."""
        with self._lock:
            return not self._screen.cursor.hidden

    def wait_for(self, pattern: str, seconds: float = 60.0) -> str:
        """Waits until a pattern is shown; what is shown then."""
        seen = [""]

        def is_there() -> bool:
            seen[0] = self.text()
            return re.search(pattern, seen[0], re.MULTILINE) is not None

        try:
            wait_for(is_there, f"{pattern!r} in a terminal", seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}, which shows:\n{seen[0]}") from None
        return seen[0]

    def wait(self, seconds: float = 120.0) -> int:
        """Waits for the end of the command and of what it wrote; its exit status."""
        status = self.process.wait(seconds)
        self._reader.join(60)
        return status


def _control_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _without(env: dict[str, str], *names: str) -> dict[str, str]:
    return {name: value for name, value in env.items() if name not in names}
