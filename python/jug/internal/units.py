"""Sizes and ages as users write and read them: 10G, 30d."""

from __future__ import annotations

import re

from ..errors import UserError

__all__ = [
    "counted",
    "format_duration",
    "format_rate",
    "format_rough",
    "format_seconds",
    "format_size",
    "parse_age",
    "parse_size",
]

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")
_SIZE = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15}
#: From how many seconds on a duration is given in a unit, that unit in seconds, and its name.
_DURATIONS = (
    (2 * 86400, 86400, "d"),
    (2 * 3600, 3600, "h"),
    (2 * 60, 60, "min"),
    (0.9995, 1, "s"),
    (0.0009995, 1e-3, "ms"),
)
#: The same where parts of seconds do not matter, and units of time for rates.
_ROUGH = (*((least, unit, name) for least, unit, name in _DURATIONS if unit > 1), (0.0, 1, "s"))
_RATES = ((1, "s"), (60, "min"), (3600, "h"))
_AGE = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


def counted(number: int, one: str, more: str = "") -> str:
    """A number and what there is so often of: `one`, or `more`, by default with an s."""
    return f"{number} {one if number == 1 else more or f'{one}s'}"


def parse_size(text: str) -> int:
    """Bytes of a size such as 500M, 10G or 1.5 TB; UserError (2) where it is none."""
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*([KMGTP]?)B?", text.strip(), re.IGNORECASE)
    if not found:
        raise UserError(f"{text!r} is no size; write a number and one of K, M, G, T, as in 500M or 10G", 2)
    return int(float(found[1]) * _SIZE[found[2].upper()])


def parse_age(text: str) -> float:
    """Seconds of an age such as 30d, 12h, 90m or 45s; UserError (2) where it is none."""
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*([smhdw])", text.strip().lower())
    if not found:
        raise UserError(f"{text!r} is no age; write a number and one of s, m, h, d, w, as in 30d or 12h", 2)
    return float(found[1]) * _AGE[found[2]]


def format_size(size: float) -> str:
    """A size in bytes as text of about three digits."""
    unit = 0
    while size >= 999.5 and unit < len(_UNITS) - 1:
        size /= 1000
        unit += 1
    digits = 0 if unit == 0 or size >= 99.95 else 1
    return f"{size:.{digits}f} {_UNITS[unit]}"


def format_duration(seconds: float) -> str:
    """An age as text, in the largest unit that it has two of."""
    for unit, name in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds:.0f} seconds"


def format_seconds(seconds: float) -> str:
    """How long something took, as text of about three digits."""
    unit, name = next(((unit, name) for least, unit, name in _DURATIONS if seconds >= least), (1e-6, "us"))
    value = seconds / unit
    digits = 0 if value >= 99.95 or name == "us" else 1 if value >= 9.995 else 2
    return f"{value:.{digits}f} {name}"


def format_rough(seconds: float) -> str:
    """A duration as a whole number of the largest unit that it has two of: 22 s, 3 min."""
    unit, name = next((unit, name) for least, unit, name in _ROUGH if seconds >= least)
    return f"{seconds / unit:.0f} {name}"


def format_rate(per_second: float, what: str = "") -> str:
    """How many things happen in a second, or where they are few, in a minute or in an hour: 40/s, 2.5/min."""
    unit, name = next((unit, name) for unit, name in _RATES if per_second * unit >= 1 or name == "h")
    number = per_second * unit
    return f"{number:.0f}{what}/{name}" if number >= 9.95 or not number else f"{number:.1f}{what}/{name}"
