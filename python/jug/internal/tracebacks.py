"""Exceptions as text for users: their own lines, and none of this package."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .console import shortened

if TYPE_CHECKING:
    import traceback

__all__ = [
    "begin_at_users_line",
    "fault_of_user",
    "is_panic",
    "is_users",
    "message_of",
    "users_traceback",
]

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_LIBRARY = os.path.dirname(os.path.abspath(os.__file__)) + os.sep
_INSTALLED = _LIBRARY + "site-packages" + os.sep

#: How the first line of a process that this package started shows in a traceback.
_OUR_PROGRAM = 'File "<string>", line 1 in <module>'

#: How many characters are kept of what one exception says, and of a whole traceback.
_MOST_SAID = 10_000
_MOST_TRACED = 50_000


def is_users(error: BaseException) -> bool:
    """Whether `error` came through a line of the user's, or of a library that was installed."""
    trace = error.__traceback__
    while trace is not None and not _is_users_file(trace.tb_frame.f_code.co_filename):
        trace = trace.tb_next
    return trace is not None


def users_traceback(error: BaseException, *, is_ours_whole: bool = True) -> str:
    """The traceback of `error` and its causes without the lines of this package; a long one lacks its middle.

    Where no line is the user's, the fault is ours, and the whole of it is needed to find it; without
    `is_ours_whole` what was raised is all that is said then.
    """
    # It imports modules that take as long as the rest of `import jug` takes without them.
    import traceback

    shown = traceback.TracebackException(type(error), error, error.__traceback__, compact=True)
    parts = list(_parts(shown))
    files = [frame.filename for part in parts for frame in part.stack]
    if not is_ours_whole or isinstance(error, SyntaxError) or any(map(_is_users_file, files)):
        for part in parts:
            part.stack[:] = [frame for frame in part.stack if not frame.filename.startswith(_PACKAGE)]
            if not part.stack:
                # A heading without lines below it would be an empty promise.
                part.stack = None  # type: ignore[assignment]
        for part in reversed(parts):
            _drop_what_says_nothing(part)
    return shortened("".join(shortened(line, _MOST_SAID) for line in shown.format()), _MOST_TRACED)


def fault_of_user(text: str) -> str:
    """What `faulthandler` wrote of a process that died, without the lines of this package."""
    lines = text.splitlines(keepends=True)
    return "".join(line for line in lines if _PACKAGE not in line and _OUR_PROGRAM not in line)


def begin_at_users_line(error: BaseException) -> None:
    """Takes the lines of this package off the head of a traceback, and of that of the cause.

    A notebook shows every line, with those around it.
    """
    for part in (error, error.__cause__):
        if part is not None:
            trace = part.__traceback__
            while trace is not None and trace.tb_frame.f_code.co_filename.startswith(_PACKAGE):
                trace = trace.tb_next
            part.__traceback__ = trace


def is_panic(error: BaseException) -> bool:
    """Whether it comes out of a native extension, ours or another one, that met a fault of its own.

    That is no Exception, and its class cannot be imported.
    """
    return type(error).__name__ == "PanicException"


def message_of(error: BaseException) -> str:
    """What an exception says of itself, without the middle of a long text."""
    try:
        return shortened(str(error), _MOST_SAID)
    except Exception as another:
        return f"<its str() raised {type(another).__name__}>"


def _parts(shown: traceback.TracebackException) -> Iterator[traceback.TracebackException]:
    """An exception, its causes, and what is in it where it is a group."""
    stack = [shown]
    while stack:
        part = stack.pop()
        yield part
        stack += [it for it in (part.__cause__, part.__context__, *(part.exceptions or ())) if it is not None]


def _drop_what_says_nothing(part: traceback.TracebackException) -> None:
    """Drops a cause without lines or causes of its own: what was made of it says the same."""
    for cause in (part.__cause__, part.__context__):
        if cause is not None and not (
            cause.stack or cause.__cause__ or cause.__context__ or cause.exceptions
        ):
            part.__cause__ = part.__context__ = None


def _is_users_file(name: str) -> bool:
    """Whether that file may be at fault. The standard library is on the way from this package to it, too."""
    return not name.startswith((_PACKAGE, "<frozen ")) and (
        name.startswith(_INSTALLED) or not name.startswith(_LIBRARY)
    )
