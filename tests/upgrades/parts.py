"""Values of types that versions of a library take apart in other ways: each differs from the others."""

from __future__ import annotations

import dataclasses
import pathlib
import sys
import typing
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow
from numpy.polynomial import Chebyshev, Polynomial

__all__ = ["VERSIONED"]


def with_attribute(error: BaseException) -> BaseException:
    """An exception with an attribute."""
    error.unit = "m"  # type: ignore[attr-defined]
    return error


def attribute_errors() -> list[BaseException]:
    """Exceptions about attributes."""
    errors = [
        AttributeError("a"),
        AttributeError("b"),
        AttributeError("a", "b"),
        AttributeError(),
        with_attribute(AttributeError("a")),
        dataclasses.FrozenInstanceError("a"),
        TypeError("a"),
    ]
    # Before, a pickle says nothing of the name.
    if sys.version_info >= (3, 12):
        errors += [AttributeError("a", name="a"), AttributeError("a", name="b")]
    return errors


class Named(pathlib.PurePosixPath):
    """A path that has an attribute, as those have that are made of it."""

    called: str

    def with_segments(self, *segments: Any) -> Named:
        """The path that is made of this one."""
        return named(self.called, *segments)


def named(called: str, *segments: Any) -> Named:
    """A path with an attribute."""
    path = Named(*segments)
    path.called = called
    return path


def parents() -> list[Any]:
    """The parents of paths."""
    paths = [pathlib.PurePosixPath(it) for it in ("/a/b", "a/b", "/a/c", "/a/b/c")]
    paths += [pathlib.PureWindowsPath(it) for it in ("/a/b", "C:/a/b")]
    return [path.parents for path in paths]


def string_dtypes() -> list[Any]:
    """Types of texts in pandas."""
    dtypes = [pd.StringDtype("python"), pd.StringDtype("pyarrow")]
    if pd.__version__.startswith("2.2."):
        return [*dtypes, pd.StringDtype("pyarrow_numpy")]
    return [*dtypes, pd.StringDtype("python", na_value=np.nan)]


#: By the name of the type: values that differ in one part each.
VERSIONED: dict[str, Callable[[], list[Any]]] = {
    "Union": lambda: [
        int | str,
        str | int,
        int | None,
        int | str | None,
        list[int] | None,
        typing.List[int] | None,  # noqa: UP006 (another value than the one before)
        typing.Literal[1] | None,
    ],
    "AttributeError": attribute_errors,
    "_PathParents": parents,
    "finfo": lambda: [
        np.finfo(np.float16),
        np.finfo(np.float32),
        np.finfo(np.float64),
        np.finfo(np.longdouble),
    ],
    "errstate": lambda: [
        np.errstate(),
        np.errstate(all="ignore"),
        np.errstate(divide="ignore"),
        np.errstate(divide="warn"),
        np.errstate(over="ignore"),
        np.errstate(under="ignore"),
        np.errstate(invalid="ignore"),
        np.errstate(call=print),
    ],
    "ABCPolyBase": lambda: [
        Polynomial([1, 2]),
        Polynomial([1, 3]),
        Polynomial([1, 2], domain=[0, 1]),
        Polynomial([1, 2], window=[0, 1]),
        Polynomial([1, 2], symbol="y"),
        Chebyshev([1, 2]),
    ],
    "DateOffset": lambda: [
        pd.DateOffset(months=1),
        pd.DateOffset(months=2),
        pd.DateOffset(days=1),
        pd.DateOffset(2, months=1),
        pd.DateOffset(months=1, normalize=True),
        pd.DateOffset(2),
    ],
    "ArrowDtype": lambda: [
        pd.ArrowDtype(pyarrow.int64()),
        pd.ArrowDtype(pyarrow.int32()),
        pd.ArrowDtype(pyarrow.list_(pyarrow.int64())),
    ],
    "StringDtype": string_dtypes,
}
