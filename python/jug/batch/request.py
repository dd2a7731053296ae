"""What is asked of a batch system: how many workers, for how long, with what."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["Request", "format_memory", "format_time", "parse_memory", "parse_time"]

_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}
_CLOCK = re.compile(r"(?:(?P<days>\d+)-)?(?P<hours>\d+):(?P<minutes>[0-5]?\d):(?P<seconds>[0-5]?\d)")
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|min|h|d)", re.IGNORECASE)
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT])(?:i?B)?", re.IGNORECASE)
_SUFFIXES = "KMGT"


class Request(NamedTuple):
    """An array job of workers."""

    #: What the batch system shows as the name of the job.
    name: str
    #: How many elements the array has.
    n: int
    #: What each of them runs, word by word, and in which directory.
    command: Sequence[str]
    directory: str
    #: The directory of the files with what they print.
    output: str
    #: The limits of each element: seconds, KiB, processors. None: whatever the batch system gives.
    time: int | None = None
    memory: int | None = None
    cpus: int | None = None
    #: SLURM's partition, or the queue; empty: the default one.
    partition: str = ""
    #: Other options of the batch system, as they are.
    extra: Sequence[str] = ()
    #: How many threads numeric libraries use where the environment does not say it; None: nothing is said.
    threads: int | None = None


def parse_time(text: str) -> int:
    """Seconds of a time limit such as 2:00:00, 1-12:00:00, 90m, 12h or 2d.

    ValueError ("must be ...") for anything else: batch systems do not agree on what 30 or 2:30 is.
    """
    clock, amount = _CLOCK.fullmatch(text.strip()), _AMOUNT.fullmatch(text.strip())
    seconds = 0
    if clock:
        days, hours, minutes, rest = (int(part or 0) for part in clock.groups())
        seconds = ((days * 24 + hours) * 60 + minutes) * 60 + rest
    elif amount:
        seconds = round(float(amount[1]) * _UNITS[amount[2].lower()])
    if seconds <= 0:
        raise ValueError(f"must be a time such as 2:00:00, 1-12:00:00, 90m, 12h or 2d, not {text!r}")
    return seconds


def format_time(seconds: int) -> str:
    """A time limit as all batch systems read it: hours:minutes:seconds."""
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def parse_memory(text: str) -> int:
    """KiB of a size such as 500M or 4G, as batch systems count: 1G is 1024M.

    ValueError ("must be ...") for anything else: without a unit, batch systems do not agree on what is meant.
    """
    found = _SIZE.fullmatch(text.strip())
    size = round(float(found[1]) * 1024 ** _SUFFIXES.index(found[2].upper())) if found else 0
    if size <= 0:
        raise ValueError(f"must be a size such as 500M or 4G, not {text!r}")
    return size


def format_memory(kib: int) -> str:
    """A size in the largest unit of which it is a whole number: 4G, 1536M."""
    unit = 0
    while kib % 1024 == 0 and unit < len(_SUFFIXES) - 1:
        kib //= 1024
        unit += 1
    return f"{kib}{_SUFFIXES[unit]}"
