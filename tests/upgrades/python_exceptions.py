"""Exceptions of Python."""

from __future__ import annotations

import configparser
import dataclasses
import errno
import json
import re
import subprocess
from collections.abc import Callable
from typing import Any

__all__ = ["FAMILIES"]


class OwnError(Exception):
    """An exception with arguments of its own."""

    def __init__(self, what: str, code: int) -> None:
        super().__init__(what, code)
        self.code = code


def raised(error: BaseException) -> BaseException:
    """An exception that was raised and caught, with its traceback and its cause."""
    try:
        try:
            raise KeyError("first")
        except KeyError as cause:
            raise error from cause
    except BaseException as caught:
        return caught


def noted(error: BaseException) -> BaseException:
    """An exception with a note."""
    error.add_note("a note")
    return error


def caught(call: Callable[[], Any]) -> BaseException:
    """The exception that a call raises."""
    try:
        call()
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


#: By family: the values by name.
FAMILIES: dict[str, dict[str, Callable[[], Any]]] = {
    "exceptions": {
        "ValueError": lambda: ValueError("what", 1),
        "KeyError": lambda: KeyError("a"),
        "empty": lambda: ValueError(),
        "OSError": lambda: OSError(errno.ENOENT, "no", "file"),
        "OSError of two files": lambda: OSError(errno.ENOENT, "no", "file", None, "other"),
        "StopIteration": lambda: StopIteration(1),
        "SystemExit": lambda: SystemExit(2),
        "KeyboardInterrupt": lambda: KeyboardInterrupt(),
        "AttributeError": lambda: AttributeError("what"),
        "AttributeError with a name": lambda: AttributeError("what", name="a", obj=None),
        "AttributeError raised": lambda: caught(lambda: (1).nothing),
        "NameError": lambda: NameError("what", name="a"),
        "ImportError": lambda: ImportError("what"),
        "ImportError with a name": lambda: ImportError("what", name="a", path="b"),
        "SyntaxError": lambda: SyntaxError("what", ("file", 1, 2, "text", 1, 3)),
        "UnicodeDecodeError": lambda: UnicodeDecodeError("utf-8", b"\xff", 0, 1, "why"),
        "ZeroDivisionError": lambda: caught(lambda: 1 // 0),
        "IndexError": lambda: caught(lambda: [][0]),
        "TypeError": lambda: TypeError("what"),
        "ExceptionGroup": lambda: ExceptionGroup("all", [ValueError(1), KeyError("a")]),
        "of one's own": lambda: OwnError("what", 3),
        "raised": lambda: raised(ValueError("what")),
        "with a note": lambda: noted(ValueError("what")),
        "JSONDecodeError": lambda: caught(lambda: json.loads("{")),
        "CalledProcessError": lambda: subprocess.CalledProcessError(1, ["a"], b"out"),
        "TimeoutExpired": lambda: subprocess.TimeoutExpired(["a"], 3.0),
        "class ExceptionGroup": lambda: ExceptionGroup,
        "class OSError": lambda: IOError,
        "FrozenInstanceError": lambda: dataclasses.FrozenInstanceError("x"),
        "NoOptionError": lambda: configparser.NoOptionError("a", "b"),
        "pattern": lambda: caught(lambda: re.compile("(")),
        "error of re": lambda: re.error,
    },
}
