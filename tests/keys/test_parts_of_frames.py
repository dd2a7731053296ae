"""The same as in ``test_parts.py`` for pandas, polars and pyarrow."""

from __future__ import annotations

import datetime
import math
from typing import Any

import numpy as np
import pytest

from jug._native import key
from tests.support.key_values import check_parts

pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")
pa = pytest.importorskip("pyarrow")

from tests.support.columns import Extended, Measured, MyFrame, MySeries, Named  # noqa: E402 (these need the libraries)

HOUR = datetime.timedelta(hours=1)


def with_(value: Any, **attributes: Any) -> Any:
    for name, attribute in attributes.items():
        setattr(value, name, attribute)
    return value


def extended(kind: Any, unit: str, values: list[Any]) -> Any:
    """A column of pandas of an extension type of Arrow."""
    array = pa.ExtensionArray.from_storage(Extended(kind, unit), pa.array(values, kind))
    return pd.Series(pd.arrays.ArrowExtensionArray(array))


def struct_with(note: str) -> Any:
    """A struct of Arrow whose field has a note."""
    return pa.struct([pa.field("a", pa.int8(), metadata={"note": note})])


def of_pandas() -> dict[str, list[Any]]:
    """By the name of a type: a value, and others that differ from it in one part."""
    frame = {"a": [1, 2], "b": ["x", "y"]}
    offsets = pd.offsets
    floats = [
        ([1.0, math.nan], [False, False]),
        ([1.0, math.nan], [False, True]),
        ([1.0, 2.0], [False, True]),
    ]
    days = pd.date_range("2020", periods=3)
    zones = [
        datetime.timezone(HOUR, "x"),
        datetime.timezone(2 * HOUR, "x"),
        datetime.timezone(HOUR),
        "Europe/Paris",
    ]
    levels = pd.MultiIndex.from_product([[1, 2], ["a", "b"]])
    strict = {"allows_duplicate_labels": False}
    return {
        "DataFrame": [
            pd.DataFrame(frame),
            pd.DataFrame({**frame, "a": [1, 3]}),
            pd.DataFrame(frame, [1, 2]),
            pd.DataFrame(frame).rename(columns={"a": "z"}),
            pd.DataFrame(frame).rename_axis("n"),
            pd.DataFrame(frame).rename_axis("n", axis=1),
            pd.DataFrame(frame)[["b", "a"]],
            pd.DataFrame(frame).astype({"a": "i4"}),
            pd.DataFrame(frame).astype({"a": "Int64"}),
            pd.DataFrame(frame).set_flags(**strict),
            with_(pd.DataFrame(frame), attrs={"unit": "m"}),
            *(with_(Named(frame), name=name) for name in ("x", "y")),
            pd.DataFrame(frame).astype({"b": object}),
            pd.DataFrame(frame).astype({"b": "category"}),
        ],
        "Series": [
            pd.Series([1, 2]),
            pd.Series([1, 3]),
            pd.Series([1, 2], name="a"),
            pd.Series([1, 2], [1, 2]),
            pd.Series([1, 2]).set_flags(**strict),
            with_(pd.Series([1, 2]), attrs={"unit": "m"}),
            pd.Series([1, 2], dtype="Int64"),
            pd.Series([1, 2], dtype="UInt64"),
            pd.Series([1, 2], dtype="i4"),
        ],
        "Index": [
            pd.Index([0, 1]),
            pd.Index([0, 2]),
            pd.Index([0, 1], name="a"),
            pd.RangeIndex(2),
            pd.RangeIndex(2, name="a"),
            pd.Index([0.0, 1.0]),
            pd.Index([0, 1], dtype="Int64"),
            pd.Index([0, 1], dtype=object),
            pd.Index(["a", "b"]),
        ],
        "Index of times": [
            days,
            pd.DatetimeIndex([*days]),
            days.rename("a"),
            days.tz_localize("UTC"),
            days.as_unit("s"),
            pd.timedelta_range("1D", periods=3),
            pd.period_range("2020", periods=3, freq="D"),
            *(pd.date_range("2020-01-01T12", periods=1, tz="UTC").tz_convert(zone) for zone in zones),
            *(
                pd.DatetimeIndex(["2020-01-31"], freq=freq)
                for freq in (
                    "ME",
                    "BME",
                    offsets.MonthEnd(normalize=True),
                    offsets.CustomBusinessDay(holidays=["2021-01-01"]),
                    offsets.CustomBusinessDay(holidays=["2021-01-02"]),
                    offsets.CustomBusinessDay(),
                )
            ),
        ],
        "Index of levels": [
            levels,
            levels[:2],
            pd.MultiIndex.from_product([[1], ["a", "b"]]),
            levels.set_names(["i", "j"]),
            levels[::-1],
            levels.set_levels([1, 3], level=0),
        ],
        "ExtensionArray": [
            *(pd.arrays.FloatingArray(np.array(values), np.array(mask)) for values, mask in floats[:2]),
            pd.array([1, None], dtype="Int64"),
            pd.array([1.0, 2.0], dtype="Float64"),
            pd.array([2**53, None], dtype="Int64"),
            pd.array([2**53 + 1, None], dtype="Int64"),
            pd.array([None, 1], dtype="Int64"),
            pd.array([True, None], dtype="boolean"),
            pd.array([True, False], dtype="boolean"),
            pd.array(["a", None], dtype="string"),
            pd.array(["a", None], dtype="str"),
            pd.array(["a", "b"], dtype="string"),
            pd.Categorical(["a"]),
            pd.Categorical(["a"], ["a", "b"]),
            pd.Categorical(["a"], ["b", "a"]),
            pd.Categorical(["a"], ["a", "b"], ordered=True),
            pd.arrays.SparseArray([0, 1]),
            pd.arrays.SparseArray([0, 1], fill_value=1),
            pd.arrays.SparseArray([0.0, 1.0]),
            pd.arrays.IntervalArray.from_breaks([0, 1]),
            pd.arrays.IntervalArray.from_breaks([0, 1], "left"),
            pd.array([1, 2]),
            days.array,
            days.tz_localize("UTC").array,
        ],
        "ExtensionArray of another library": [Measured([1.0, 2.0], unit) for unit in ("m", "s")]
        + [pd.Series(Measured([1.0, 2.0], unit)) for unit in ("m", "s")]
        + [pd.DataFrame({"a": Measured([1.0, 2.0], unit)}) for unit in ("m", "s")]
        + [pd.Index(Measured([1.0, 2.0], unit)) for unit in ("m", "s")],
        "Arrow in pandas": [
            pd.Series(pd.arrays.ArrowExtensionArray(pa.array(values, kind)))
            for kind, values in [
                (pa.float64(), [1.0, None]),
                (pa.float64(), [1.0, math.nan]),
                (pa.float32(), [1.0, None]),
                (pa.int64(), [2**53, None]),
                (pa.int64(), [2**53 + 1, None]),
                (pa.int64(), [None, 1]),
                (pa.time64("ns"), [1, 2]),
                (pa.time64("ns"), [1, 3]),
                (pa.time64("us"), [1, 2]),
                (pa.time32("s"), [1, 2]),
                (pa.timestamp("ns"), [1, 2]),
                (pa.timestamp("ns"), [1, 3]),
                (pa.timestamp("ns", "UTC"), [1, 2]),
                (pa.duration("ns"), [1, 2]),
                (pa.duration("ns"), [1, 3]),
                (pa.duration("us"), [1, 2]),
                (pa.list_(pa.float64()), [[1.0, None]]),
                (pa.list_(pa.float64()), [[1.0, math.nan]]),
                (pa.list_(pa.time64("ns")), [[1]]),
                (pa.list_(pa.time64("ns")), [[2]]),
                (pa.struct({"a": pa.time64("ns")}), [{"a": 1}]),
                (pa.struct({"a": pa.time64("ns")}), [{"a": 2}]),
                (pa.struct({"a": pa.int8()}), [{"a": 1}]),
                (pa.struct({"b": pa.int8()}), [{"b": 1}]),
                (pa.map_(pa.string(), pa.time64("ns")), [[("a", 1)]]),
                (pa.map_(pa.string(), pa.time64("ns")), [[("a", 2)]]),
                (pa.string(), ["a", None]),
                (pa.string(), ["a", "b"]),
                (pa.large_string(), ["a", None]),
                (pa.bool_(), [True, None]),
                (pa.decimal128(5, 1), [1, None]),
                (pa.decimal128(6, 1), [1, None]),
                (struct_with("x"), [{"a": 1}]),
                (struct_with("y"), [{"a": 1}]),
                (pa.date32(), [1, None]),
                (pa.dictionary(pa.int8(), pa.string()), ["a", None]),
            ]
        ]
        + [extended(pa.float64(), unit, [1.0, None]) for unit in ("m", "s")]
        + [extended(pa.time64("ns"), "m", [n]) for n in (1, 2)],
    }


def of_polars() -> dict[str, list[Any]]:
    """The same for polars."""

    def series(kind: Any, values: Any) -> Any:
        integers = pl.Series("a", values)
        return integers.cast(kind)

    frame = {"a": [1, 2], "b": ["x", None]}
    ns, us = pl.Datetime("ns"), pl.Datetime("us")
    return {
        "DataFrame": [
            pl.DataFrame(frame),
            pl.DataFrame({**frame, "a": [1, 3]}),
            pl.DataFrame(frame).rename({"a": "z"}),
            pl.DataFrame(frame)[["b", "a"]],
            pl.DataFrame(frame).cast({"a": pl.Int8}),
            pl.DataFrame(frame)[:1],
            MyFrame(frame),
            pl.DataFrame(frame).with_columns(a=series(ns, [1, 2])),
            pl.DataFrame(frame).with_columns(a=series(ns, [1, 3])),
        ],
        "Series": [
            series(kind, values)
            for kind, values in [
                (ns, [1, 2]),
                (ns, [1, 3]),
                (ns, [1, None]),
                (us, [1, 2]),
                (pl.Datetime("ns", "UTC"), [1, 2]),
                (pl.Datetime("ns", "Europe/Paris"), [1, 2]),
                (pl.Datetime("us", "UTC"), [1, 2]),
                (pl.Datetime("ms"), [1, 2]),
                (pl.Duration("ns"), [1, 2]),
                (pl.Duration("ns"), [1, 3]),
                (pl.Duration("us"), [1, 2]),
                (pl.Time, [1, 2]),
                (pl.Time, [1, 3]),
                (pl.List(ns), [[1]]),
                (pl.List(ns), [[2]]),
                (pl.List(us), [[1]]),
                (pl.Array(pl.Time, 1), [[1]]),
                (pl.Array(pl.Time, 1), [[2]]),
                (pl.List(pl.Time), [[1]]),
                (pl.Struct({"a": ns, "b": pl.Int8}), [{"a": 1, "b": 1}]),
                (pl.Struct({"a": ns, "b": pl.Int8}), [{"a": 2, "b": 1}]),
                (pl.Float64, [1.0, None]),
                (pl.Float64, [1.0, math.nan]),
                (pl.Float32, [1.0, None]),
                (pl.String, ["1", "2"]),
                (pl.Categorical, ["1", "2"]),
                (pl.Enum(["1", "2"]), ["1", "2"]),
                (pl.Enum(["2", "1"]), ["1", "2"]),
                (pl.Decimal(5, 1), [1, 2]),
                (pl.Decimal(5, 2), [1, 2]),
                (pl.Int8, [1, 2]),
                (pl.Int64, [1, 2]),
                (pl.Boolean, [True, None]),
                (pl.Date, [1, 2]),
            ]
        ]
        + [MySeries("a", [1]), pl.Series("a", [1]), pl.Series("b", [1])],
    }


#: Types of Arrow with values.
ARRAYS = [
    (pa.int8(), [1, 2]),
    (pa.int8(), [1, None]),
    (pa.int16(), [1, 2]),
    (pa.float64(), [1.0, None]),
    (pa.float64(), [1.0, math.nan]),
    (pa.time64("ns"), [1, 2]),
    (pa.time64("ns"), [1, 3]),
    (pa.list_(pa.float64()), [[1.0, None]]),
    (pa.list_(pa.float64()), [[1.0, math.nan]]),
]


def of_arrow() -> dict[str, list[Any]]:
    """The same for pyarrow. Its pickles of some scalars are equal where these are not."""
    return {
        "Array": [pa.array(values, kind) for kind, values in ARRAYS],
        "ChunkedArray": [pa.chunked_array([values], kind) for kind, values in ARRAYS],
        "RecordBatch": [pa.record_batch({"a": pa.array(values, kind)}) for kind, values in ARRAYS],
        "Table": [
            *(pa.table({"a": pa.array(values, kind)}) for kind, values in ARRAYS),
            pa.table({"b": pa.array([1, 2], pa.int8())}),
            pa.table({"a": pa.array([1, 2], pa.int8())}).replace_schema_metadata({"unit": "m"}),
        ],
        "Scalar": [
            pa.scalar(value, kind)
            for kind, value in [
                (pa.int8(), 1),
                (pa.int16(), 1),
                (pa.int8(), 2),
                (pa.int8(), None),
                (pa.float64(), None),
                (pa.float64(), math.nan),
                (pa.timestamp("ns"), 1),
                (pa.timestamp("ns"), 2),
                (pa.timestamp("us"), 1),
                (pa.duration("ns"), 1),
                (pa.duration("ns"), 2),
                (pa.time64("us"), 1),
            ]
        ],
    }


FRAMES = {
    f"{name} of {library}": lambda make=make, name=name: make()[name]
    for library, make in [("pandas", of_pandas), ("polars", of_polars), ("pyarrow", of_arrow)]
    for name in make()
}


@pytest.mark.parametrize("name", FRAMES)
def test_every_part_of_a_frame_counts(name):
    check_parts(FRAMES[name])


def test_scalars_of_nanoseconds_count_although_their_pickles_are_equal():
    kind = pa.time64("ns")
    one, other = (pa.scalar(n, kind) for n in (1, 2))
    assert key(one) == key(pa.scalar(1, kind)) != key(other)
    assert key(pa.scalar([1], pa.list_(kind))) != key(pa.scalar([2], pa.list_(kind)))


def test_attributes_of_subclasses_of_polars_count_although_pickles_leave_them_out():
    for kind in (MySeries, MyFrame):
        assert key(kind([1])) == key(kind([1])) != key(with_(kind([1]), unit="m"))


#: What pickles tell apart and keys do not, for a reason that docs/keys.md gives.
SAME = {
    "where texts are kept": lambda: [
        pd.array(["a"], dtype=f"string[{storage}]") for storage in ("python", "pyarrow")
    ],
    "explicit zeros": lambda: [pd.arrays.SparseArray([0, 1], kind=kind) for kind in ("block", "integer")],
    "what is known of the order": lambda: [pl.Series([1, 2]), pl.Series([1, 2]).set_sorted()],
    "pieces of a column": lambda: [
        pl.Series([1, 2]),
        pl.concat([pl.Series([1]), pl.Series([2])], rechunk=False),
    ],
    "pieces of a column of Arrow": lambda: [
        pd.Series(pd.arrays.ArrowExtensionArray(pa.chunked_array(chunks, pa.list_(pa.float64()))))
        for chunks in ([[[1.0], [None]]], [[[1.0]], [[None]]])
    ],
}


@pytest.mark.parametrize("name", SAME)
def test_some_parts_of_a_frame_do_not_count(name):
    one, other = SAME[name]()
    assert key(one) == key(other)
