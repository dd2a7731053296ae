"""Limits of functions: which values are limits, and whose they are."""

from __future__ import annotations

import functools
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from jug.internal import limits
from jug.internal.limits import (
    TaskLimits,
    as_bytes,
    as_count,
    as_count_from_1,
    as_seconds,
    as_word,
    as_workers,
    declare,
    declared_limits,
    limits_of,
)


@pytest.fixture(autouse=True)
def none_declared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test begins without limits, and leaves none."""
    monkeypatch.setattr(limits, "_declared", {})
    monkeypatch.setattr(limits, "_warned", set())


def work(x: int) -> int:
    """A function."""
    return x


def another_work() -> Any:
    """Another function of the same module and name."""
    namespace: dict[str, Any] = {"__name__": __name__}
    exec("def work(x): return x", namespace)
    return namespace["work"]


@pytest.mark.parametrize(
    ("value", "seconds"),
    [(60, 60.0), (0.5, 0.5), (np.int64(3), 3.0), (np.float32(0.5), 0.5), (Decimal(2), 2.0)],
)
def test_numbers_above_0_are_times(value: Any, seconds: float) -> None:
    """Of any type."""
    assert as_seconds(value) == seconds
    assert type(as_seconds(value)) is float


@pytest.mark.parametrize("value", [0, -1, -0.5, float("inf"), float("nan"), 10**400])
def test_a_number_that_is_no_time_is_a_value_error(value: Any) -> None:
    """Which says what it must be."""
    with pytest.raises(ValueError, match="must be a number of seconds above 0, not"):
        as_seconds(value)


@pytest.mark.parametrize("value", ["60", "1 min", b"60", True, None, [60], 1j])
def test_what_is_no_number_is_no_time(value: Any) -> None:
    """Text is none either."""
    with pytest.raises(TypeError, match="must be a number of seconds above 0, not"):
        as_seconds(value)


@pytest.mark.parametrize(("value", "count"), [(0, 0), (2, 2), (np.int8(3), 3)])
def test_whole_numbers_are_counts(value: Any, count: int) -> None:
    """0 as well."""
    assert as_count(value) == count
    assert type(as_count(value)) is int


@pytest.mark.parametrize(
    ("value", "error"),
    [(-1, ValueError), (2.0, TypeError), ("2", TypeError), (True, TypeError), (None, TypeError)],
)
def test_what_is_no_whole_number_is_no_count(value: Any, error: type[Exception]) -> None:
    """Neither is one below 0."""
    with pytest.raises(error, match="must be a whole number of at least 0, not"):
        as_count(value)


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ("4GB", 4 * 10**9),
        ("500MB", 500 * 10**6),
        ("1.5 TB", 1_500_000_000_000),
        ("10k", 10_000),
        (4e9, 4 * 10**9),
        (4096, 4096),
        (np.int64(7), 7),
    ],
)
def test_texts_and_numbers_are_sizes(value: Any, size: int) -> None:
    """In bytes."""
    assert as_bytes(value) == size
    assert type(as_bytes(value)) is int


@pytest.mark.parametrize("value", ["", "GB", "4 gallons", "-4GB", "0GB", 0, -1])
def test_what_is_no_size_above_0_is_a_value_error(value: Any) -> None:
    """Which shows how one is written."""
    with pytest.raises(ValueError, match=r"must be a size above 0 such as '4GB' or '500MB', .*, not"):
        as_bytes(value)


@pytest.mark.parametrize("value", [1.5, float("nan"), True, None, b"4GB", ["4GB"]])
def test_what_is_neither_text_nor_a_whole_number_is_no_size(value: Any) -> None:
    """Nobody can want a part of a byte."""
    with pytest.raises(TypeError, match=r"must be a size above 0 such as '4GB' or '500MB', .*, not"):
        as_bytes(value)


def test_limits_are_found_by_the_function() -> None:
    """And by a partial of it, as tasks are made of the function in it."""
    assert (limits_of(work), declared_limits()) == (TaskLimits(), [])
    declare(work, TaskLimits(timeout=3.0))
    assert (limits_of(work), declared_limits()) == (TaskLimits(timeout=3.0), [TaskLimits(timeout=3.0)])
    assert limits_of(functools.partial(work, 1)) == TaskLimits(timeout=3.0)
    assert limits_of(len) == TaskLimits()
    declare(functools.partial(len), TaskLimits(retries=2))
    assert limits_of(len) == TaskLimits(retries=2)


def test_a_function_that_takes_the_place_of_another_takes_that_of_its_limits(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A jugfile that is loaded again, a cell that is run again: they may say something else."""
    declare(another_work(), TaskLimits(timeout=3.0))
    declare(another_work(), TaskLimits(timeout=4.0))
    assert limits_of(work) == TaskLimits(timeout=4.0)
    declare(another_work(), TaskLimits())
    assert (limits_of(work), declared_limits()) == (TaskLimits(), [])
    assert capsys.readouterr().err == ""


def test_a_function_that_has_limits_keeps_them_where_none_are_given() -> None:
    """As where its generator is copied."""
    declare(work, TaskLimits(timeout=3.0))
    declare(work, TaskLimits())
    assert limits_of(work) == TaskLimits(timeout=3.0)


def test_it_is_said_once_that_one_function_has_other_limits_than_before(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Two generators of one function cannot have limits of their own: that is not passed over in silence."""
    for timeout in (3.0, 4.0, 3.0, 4.0):
        declare(work, TaskLimits(timeout, retries=1))
    assert limits_of(work) == TaskLimits(4.0, retries=1)
    assert capsys.readouterr().err == (
        f"jug: warning: {__name__}.work had other limits before (timeout=3.0, retries=1); limits are "
        "those of all tasks of a function, and now they are timeout=4.0, retries=1\n"
    )


@pytest.mark.parametrize(("value", "count"), [(1, 1), (np.int32(8), 8)])
def test_numbers_from_1_on_are_counts_of_something(value: Any, count: int) -> None:
    """Of any type that is whole."""
    assert as_count_from_1(value) == as_workers(value) == count
    assert type(as_workers(value)) is int


@pytest.mark.parametrize("value", [0, -1, 1.5, True, None, "two", "", "-1"])
def test_what_is_no_number_from_1_on_is_an_error(value: Any) -> None:
    """Which says what it must be."""
    with pytest.raises((ValueError, TypeError), match=r"^must be a number from 1 on, not "):
        as_count_from_1(value)
    with pytest.raises((ValueError, TypeError), match=r"^must be 'auto' or a number from 1 on, not "):
        as_workers(value)


def test_workers_may_be_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it comes from a command line."""
    monkeypatch.setattr(limits._native, "available_cpus", lambda: 6)
    assert [as_workers(text) for text in ("3", " 12 ", "auto")] == [3, 12, 6]


def test_a_word_is_one_of_those_there_are() -> None:
    """Else an error names them."""
    assert as_word("b", ("a", "b")) == "b"
    with pytest.raises(ValueError, match=r"^must be one of a, b, not 'c'$"):
        as_word("c", ("a", "b"))
