"""Times as stamps and in words."""

from __future__ import annotations

import time
from datetime import UTC, datetime

__all__ = ["get_current_time", "to_local", "to_utc"]

_FORMAT = "%Y-%m-%d %H:%M:%S"


def get_current_time() -> int:
    """Whole seconds since 1970."""
    return int(time.time())


def to_utc(seconds: float, format_string: str = _FORMAT) -> str:
    """A stamp in words, in UTC.

    Parameters
    ----------
    seconds : float
        Since 1970.
    format_string : str, optional
        As for ``strftime``. Default: ``%Y-%m-%d %H:%M:%S``.
    """
    return datetime.fromtimestamp(int(seconds), UTC).strftime(format_string)


def to_local(seconds: float, format_string: str = _FORMAT) -> str:
    """A stamp in words, in the time zone of this machine; see :func:`to_utc`."""
    return datetime.fromtimestamp(int(seconds)).strftime(format_string)
