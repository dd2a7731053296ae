"""What the page promises: every key stays over every upgrade, but for these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["PROMISES", "Promise", "differs", "number"]


@dataclass(frozen=True)
class Promise:
    """Values whose keys change where a package gets to a version, and why."""

    #: ``python``, ``numpy`` or ``pandas``, and the version: the first of those with the other key.
    package: str
    version: tuple[int, int]
    family: str
    #: Their names.
    kinds: tuple[str, ...]
    #: What is different there.
    why: str


PYTHON, NUMPY, PANDAS = "python", "numpy", "pandas"
OBJECTS, TYPES, TIMES = "objects", "types of typing", "pandas: times without a unit"

#: All of them. What is not here stays.
PROMISES = (
    Promise(
        PYTHON,
        (3, 12),
        "exceptions",
        ("AttributeError with a name", "AttributeError raised"),
        "its pickle has the name of the attribute, too",
    ),
    Promise(
        PYTHON,
        (3, 12),
        "paths",
        ("parents of a path with an attribute",),
        "`with_segments` hands on what the path has",
    ),
    Promise(PYTHON, (3, 12), "enumerations", ("weekday",), "`calendar.MONDAY` is no int any more"),
    Promise(PYTHON, (3, 12), OBJECTS, ("iterator of a range",), "its pickle"),
    Promise(PYTHON, (3, 13), "containers", ("ConfigParser",), "its attributes"),
    Promise(PYTHON, (3, 13), OBJECTS, ("ast",), "its attributes"),
    Promise(
        PYTHON,
        (3, 14),
        TYPES,
        ("Union", "Optional", "union with Any"),
        "`Union[int, str]` is what `int | str` is, whose key stays",
    ),
    Promise(PYTHON, (3, 14), TYPES, ("ForwardRef",), "has no key before"),
    Promise(
        PYTHON,
        (3, 14),
        "classes, functions, modules",
        ("UnionType",),
        "is the class `typing.Union`, whose key stays",
    ),
    Promise(PYTHON, (3, 14), "classes, functions, modules", ("partial method",), "its attributes"),
    Promise(PYTHON, (3, 14), "exceptions", ("ZeroDivisionError",), "its text, where Python raises it"),
    Promise(PYTHON, (3, 14), OBJECTS, ("EmailMessage",), "its attributes"),
    Promise(PYTHON, (3, 14), OBJECTS, ("ArgumentParser",), "has no key before"),
    Promise(PYTHON, (3, 14), OBJECTS, ("count", "chain"), "has no pickle any more, and so no key"),
    Promise(PYTHON, (3, 15), OBJECTS, ("ArgumentParser",), "its attributes"),
    Promise(PYTHON, (3, 15), OBJECTS, ("singleton of dataclasses",), "is of another class"),
    Promise(
        NUMPY,
        (2, 0),
        "numpy: functions and classes",
        ("char.add",),
        "is the ufunc `numpy.add`",
    ),
    Promise(NUMPY, (2, 3), "numpy: functions and classes", ("NDArray",), "says another shape"),
    Promise(NUMPY, (2, 5), "numpy: functions and classes", ("NDArray",), "is a type of its own"),
    Promise(NUMPY, (2, 1), "numpy: rarities", ("mgrid",), "its attributes"),
    Promise(
        PANDAS,
        (3, 0),
        "pandas: texts",
        (
            "series of texts",
            "frame of texts",
            "frame with names",
            "index of texts",
            "read from a file",
            "categories of texts",
            "get_dummies",
        ),
        "texts, names of columns among them, are of the type `str` and no longer objects",
    ),
    Promise(
        PANDAS,
        (3, 0),
        TIMES,
        (
            "Timestamp",
            "Timestamp with a zone by default",
            "Timedelta",
            "date_range",
            "to_datetime",
            "timedelta_range",
            "read from a file with times",
            "resampled",
        ),
        "times have the unit that they were given in, not nanoseconds",
    ),
    Promise(PANDAS, (3, 1), TIMES, ("to_timedelta",), "the same of durations in seconds"),
    Promise(
        PANDAS,
        (3, 0),
        "pandas: times",
        ("Timestamp with a zone",),
        "zones are of `zoneinfo`, no longer of `pytz`",
    ),
    Promise(PANDAS, (3, 0), "pandas: dtypes", ("zone",), "the same"),
    Promise(
        PANDAS,
        (3, 0),
        "pandas: frames and series of numbers",
        ("described",),
        "its columns are numbered by a range",
    ),
    Promise(PANDAS, (3, 0), "pandas: single values", ("NamedAgg",), "is no tuple any more"),
    Promise(PANDAS, (3, 0), "pandas: offsets", ("Easter", "Holiday"), "its attributes"),
    Promise(
        PANDAS, (3, 1), "pandas: offsets", ("DateOffset of n",), "days of the calendar, no longer 24 hours"
    ),
    Promise(
        PANDAS,
        (3, 0),
        "pandas: functions and classes",
        ("get_option", "set_option", "option_context"),
        "are functions and no longer objects or classes",
    ),
    Promise(PANDAS, (3, 0), "pandas: functions and classes", ("Grouper of a key",), "its attributes"),
)


def number(version: str) -> tuple[int, int]:
    """Major and minor version."""
    major, minor = version.split(".")[:2]
    return int(major), int(minor)


def differs(family: str, kind: str, versions: Mapping[str, str], others: Mapping[str, str]) -> bool:
    """Whether a key may differ between two environments, of which the versions of packages are given."""
    return any(
        (number(versions[it.package]) < it.version) != (number(others[it.package]) < it.version)
        for it in PROMISES
        if it.family == family and kind in it.kinds
    )
