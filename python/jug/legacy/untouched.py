"""Loading a jugfile for the keys that its tasks have in jug 2.x.

Such a key depends on pickles, and the pickle of an object on what was done to it: pandas' types, for one,
remember what they are asked for. So nothing may look at an argument before its old key is known.
"""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from .. import _native, task, task_results

__all__ = ["texts_without_arrow", "untouched", "without_a_trace"]

#: The types of which pandas has one object for all columns, and which remember what they are asked for.
_SHARED_TYPES = (
    *(f"{sign}Int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)),
    *("Float32", "Float64"),
)


@contextlib.contextmanager
def untouched(look: Callable[[task.Task], object], read: task_results.Reader | None = None) -> Iterator[None]:
    """Lets tasks be made without a look at their arguments, and `look` be called before one is looked up.

    Their results are those that `read` returns.
    """
    before = _native.leave_arguments_untouched(True)
    task_results.before_lookup, task_results.reader = look, read
    try:
        yield
    finally:
        task_results.before_lookup = task_results.reader = None
        _native.leave_arguments_untouched(before)


@contextlib.contextmanager
def without_a_trace(asked: Iterable[object]) -> Iterator[None]:
    """Computes our keys inside, and leaves what all columns of pandas share as it was.

    So it does with what is `asked` for its own hash, which it may remember.
    """
    shared = [vars(dtype) for dtype in _shared_types()] if "pandas" in sys.modules else []
    before = [{name: _copied(value) for name, value in attributes.items()} for attributes in shared]
    own = [attributes for each in asked if type(attributes := getattr(each, "__dict__", None)) is dict]
    own_before = [dict(attributes) for attributes in own]
    try:
        yield
    finally:
        for attributes, values in zip((*shared, *own), (*before, *own_before), strict=True):
            attributes.clear()
            attributes.update(values)


@functools.cache
def _shared_types() -> list[Any]:
    import pandas

    return [pandas.array([1], dtype=name).dtype for name in _SHARED_TYPES]


def _copied(value: object) -> object:
    return dict(value) if type(value) is dict else value


@contextlib.contextmanager
def texts_without_arrow() -> Iterator[bool]:
    """Has pandas keep texts as it does where pyarrow is not installed; False where that is no difference.

    From pandas 3 on, texts are in Arrow's memory where there is pyarrow, and the pickle is another one. That
    is so for objects that are made meanwhile; so the jugfile has to be loaded again.
    """
    pandas = sys.modules.get("pandas")
    if pandas is None or "pyarrow" not in sys.modules:
        yield False
        return
    with pandas.option_context("mode.string_storage", "python"):
        yield True
