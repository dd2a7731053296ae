"""Frames, series and indexes of pandas of many kinds, and what of them a pickle keeps."""

import collections
import datetime
import decimal
import uuid
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

NUMBERS = np.arange(6).reshape(3, 2)
HOURS = datetime.timezone(datetime.timedelta(hours=2))
NAMED_HOURS = datetime.timezone(datetime.timedelta(hours=2), "summer")
WORDS = ["a", "b", "a"]


def small(**options: Any) -> pd.DataFrame:
    return pd.DataFrame({"a": [1, 2, 3], "b": [1.5, 2.5, np.nan], "c": ["x", "y", None]}, **options)


def with_columns(columns: Any) -> pd.DataFrame:
    return pd.DataFrame(NUMBERS, columns=columns)


def with_attributes(attributes: dict[Any, Any]) -> pd.DataFrame:
    frame = small()
    frame.attrs = attributes
    return frame


def of_arrow(kind: pa.DataType, values: list[Any]) -> pd.arrays.ArrowExtensionArray:
    return pd.arrays.ArrowExtensionArray(pa.array(values, type=kind))


def objects(values: list[Any]) -> pd.Series:
    return pd.Series(values, dtype=object)


WHOLE: dict[str, Callable[[], Any]] = {
    "plain": small,
    "nothing": pd.DataFrame,
    "columns without rows": lambda: pd.DataFrame(columns=["a", "b"]),
    "rows without columns": lambda: pd.DataFrame(index=[1, 2]),
    "a range of rows without columns": lambda: pd.DataFrame(index=range(3)),
    "types without rows": lambda: small().iloc[:0],
    "attributes": lambda: with_attributes({"a": 1, "b": [1, {"c": None}]}),
    "a tuple in attributes": lambda: with_attributes({"a": (1,)}),
    "an array in attributes": lambda: with_attributes({"a": np.arange(3)}),
    "a number as the key of an attribute": lambda: with_attributes({1: 2}),
    "one and true in attributes": lambda: with_attributes({"a": True, "b": 1.0, "c": 1}),
    "a number of numpy in attributes": lambda: with_attributes({"a": np.float64(1)}),
    "an ordered dict in attributes": lambda: with_attributes({"a": collections.OrderedDict(x=1)}),
    "no duplicate labels": lambda: small().set_flags(allows_duplicate_labels=False),
    "named axes": lambda: small().rename_axis(index="rows", columns="columns"),
    "axes named by numbers": lambda: small().rename_axis(index=5, columns=6),
    "an axis named by a tuple": lambda: small().rename_axis(index=[("a", 1)]),
    "an index named like a column": lambda: small().rename_axis(index="a"),
    "series": lambda: pd.Series([1, 2, 3], name="x", index=pd.date_range("2020", periods=3)),
    "series of texts": lambda: pd.Series(["a", None], name=("a", 1)),
    "range": lambda: pd.RangeIndex(2, 9, 3),
    "levels": lambda: pd.MultiIndex.from_product([range(2), list("ab")], names=["p", None]),
    "periods": lambda: pd.period_range("2020", periods=3, freq="M"),
}
COLUMNS: dict[str, Callable[[], Any]] = {
    "range": lambda: pd.RangeIndex(2),
    "range by steps": lambda: pd.RangeIndex(2, 6, 2),
    "numbers": lambda: [5, 3],
    "floats": lambda: [5.5, 3],
    "mixed": lambda: [5, "a"],
    "twice the same": lambda: ["a", "a"],
    "booleans": lambda: [True, False],
    "objects": lambda: pd.Index(["a", "b"], dtype=object),
    "texts in Python": lambda: pd.Index(["a", "b"], dtype="string[python]"),
    "texts in Arrow": lambda: pd.Index(["a", "b"], dtype="string[pyarrow]"),
    "categories": lambda: pd.CategoricalIndex(["a", "b"]),
    "dates": lambda: pd.date_range("2020", periods=2),
    "periods": lambda: pd.period_range("2020", periods=2, freq="M"),
    "intervals": lambda: pd.interval_range(0, 2),
    "durations": lambda: pd.timedelta_range("1D", periods=2),
    "nullable numbers": lambda: pd.Index([1, 2], dtype="Int64"),
    "tuples": lambda: pd.Index([("a", 1), ("b", 2)], tupleize_cols=False),
    "none": lambda: [None, "a"],
    "bytes": lambda: [b"x", b"a"],
    "levels": lambda: pd.MultiIndex.from_tuples([("a", 1), ("b", 2)]),
    "named levels": lambda: pd.MultiIndex.from_tuples([("a", "1"), ("b", "2")], names=["p", "q"]),
}
INDEXES: dict[str, Callable[[], Any]] = {
    "range by steps": lambda: pd.RangeIndex(5, 11, 2),
    "named range": lambda: pd.RangeIndex(3, name="r"),
    "numbers": lambda: pd.Index([0, 1, 2]),
    "small numbers": lambda: pd.Index([0, 1, 2], dtype="int32"),
    "floats": lambda: [0.5, 1, np.nan],
    "texts": lambda: list("xyz"),
    "objects": lambda: pd.Index(list("xyz"), dtype=object),
    "mixed": lambda: [1, "a", None],
    "dates with a frequency": lambda: pd.date_range("2020", periods=3),
    "dates": lambda: pd.DatetimeIndex(["2020-01-01", "2020-01-02", "2020-01-03"]),
    "dates of a zone": lambda: pd.date_range("2020", periods=3, tz="Europe/Berlin"),
    "durations": lambda: pd.timedelta_range("1D", periods=3),
    "periods": lambda: pd.period_range("2020", periods=3, freq="Q"),
    "intervals": lambda: pd.interval_range(0, 3),
    "categories": lambda: pd.CategoricalIndex(WORDS, ordered=True),
    "levels": lambda: pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)], names=["p", None]),
    "unused levels": lambda: pd.MultiIndex.from_product([list("abc"), [1, 2]])[:3],
    "ranges as levels": lambda: pd.MultiIndex.from_product([range(1), range(3)]),
    "dates as a level": lambda: pd.MultiIndex.from_product([["a"], pd.date_range("2020", periods=3)]),
    "levels of one name": lambda: pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)], names=["p", "p"]),
    "nullable numbers": lambda: pd.Index([1, 2, None], dtype="Int64"),
}
VALUES: dict[str, Callable[[], Any]] = {
    "categories": lambda: pd.Categorical(WORDS, ordered=True),
    "unused categories": lambda: pd.Categorical(WORDS, categories=["b", "a", "z"]),
    "numbers as categories": lambda: pd.Categorical([1, 2, 1]),
    "dates as categories": lambda: pd.Categorical.from_codes([0, 1, 0], pd.date_range("2020", periods=2)),
    "a range of categories": lambda: pd.Categorical.from_codes([0, 1, 0], pd.RangeIndex(2)),
    "named categories": lambda: pd.Categorical.from_codes([0, 1, 0], pd.Index(["a", "b"], name="n")),
    "objects as categories": lambda: pd.Categorical.from_codes([0, 1, 0], pd.Index(["a", 1], dtype=object)),
    "intervals as categories": lambda: pd.cut([1, 2, 3], 2),
    "no categories": lambda: pd.Categorical([None] * 3),
    "periods": lambda: pd.PeriodIndex(["2020", None, "2021"], freq="M"),
    "intervals": lambda: pd.arrays.IntervalArray.from_tuples([(0, 1), None, (1, 2)]),
    "intervals of dates": lambda: pd.interval_range(pd.Timestamp("2020", tz=NAMED_HOURS), periods=3),
    "sparse": lambda: pd.arrays.SparseArray([0, 0, 1]),
    "a zone": lambda: pd.date_range("2020", periods=3, tz="Europe/Berlin"),
    "universal time": lambda: pd.date_range("2020", periods=3, tz="UTC"),
    "an offset": lambda: pd.date_range("2020", periods=3, tz=HOURS),
    "an offset with a name": lambda: pd.date_range("2020", periods=3, tz=NAMED_HOURS),
    "dates in seconds": lambda: np.array(["2020", "2021", "NaT"], "M8[s]"),
    "dates in nanoseconds": lambda: np.array(["2020", "2021", "NaT"], "M8[ns]"),
    "durations": lambda: np.array([1, 2, "NaT"], "m8[s]"),
    "texts": lambda: ["a", "b", None],
    "texts in Python": lambda: pd.array(["a", None, "c"], dtype="string[python]"),
    "texts in Arrow": lambda: pd.array(["a", None, "c"], dtype="string[pyarrow]"),
    "nullable numbers": lambda: pd.array([1, None, 3], dtype="Int64"),
    "nullable floats": lambda: pd.array([1, None, 3], dtype="Float32"),
    "nullable booleans": lambda: pd.array([True, None, False], dtype="boolean"),
    **{f"numbers of {it}": lambda it=it: np.array([1, 2, 3], it) for it in ("f2", "u8", "c16", ">i4", "g")},
    "a dtype with metadata": lambda: pd.Series(np.zeros(3, np.dtype("f8", metadata={"unit": "m"}))),
    "a negative zero": lambda: [0.0, -0.0, 1.0],
    "objects: mixed": lambda: [1, "a", None],
    "objects: texts": lambda: objects(WORDS),
    "objects: missing in three ways": lambda: objects(["a", np.nan, pd.NA]),
    "objects: texts of numpy": lambda: objects([np.str_("x")] * 3),
    "objects: lists": lambda: [[1], [2, 3], []],
    "objects: arrays": lambda: [np.array([1]), np.array([2, 3]), np.array([])],
    "objects: small arrays": lambda: [np.array([1], "i1"), np.array([2, 3], "i2"), np.array([1], "i1")],
    "objects: dicts": lambda: [{"a": [1]}, {"a": [2]}, {"a": None}],
    "objects: sets": lambda: [{1}, {2}, set()],
    "objects: bytes": lambda: [b"a", b"b", b"c"],
    "objects: decimals": lambda: [decimal.Decimal("1.10"), decimal.Decimal("2"), None],
    "objects: dates": lambda: [datetime.date(2020, 1, 1)] * 3,
    "objects: times": lambda: [datetime.time(1, fold=1), datetime.time(1, tzinfo=HOURS), None],
    "objects: timestamps": lambda: objects([pd.Timestamp("2020")] * 3),
    "objects: booleans": lambda: [True, None, False],
    "objects: numbers": lambda: objects([1, 2, 2**100]),
    "objects: identifiers": lambda: [uuid.UUID(int=1)] * 3,
    "Arrow: numbers": lambda: of_arrow(pa.int64(), [1, None, 3]),
    "Arrow: texts": lambda: of_arrow(pa.string(), ["a", None, "b"]),
    "Arrow: large texts": lambda: of_arrow(pa.large_string(), ["a", None, "b"]),
    "Arrow: times": lambda: of_arrow(pa.timestamp("us", "UTC"), [1, None, 3]),
    "Arrow: lists": lambda: of_arrow(pa.list_(pa.int8()), [[1], None, []]),
    "Arrow: structs": lambda: of_arrow(pa.struct([("x", pa.int8())]), [{"x": 1}, None, {"x": 2}]),
    "Arrow: decimals": lambda: of_arrow(pa.decimal128(5, 2), [decimal.Decimal("1.10"), None, None]),
    "Arrow: a dictionary": lambda: of_arrow(pa.dictionary(pa.int8(), pa.string()), ["a", None, "b"]),
}
#: What makes each kind, by its name.
KINDS: dict[str, Callable[[], Any]] = {
    **WHOLE,
    **{f"columns: {name}": lambda make=make: with_columns(make()) for name, make in COLUMNS.items()},
    **{f"index: {name}": lambda make=make: small(index=make()) for name, make in INDEXES.items()},
    **{f"values: {name}": lambda make=make: pd.DataFrame({"a": make()}) for name, make in VALUES.items()},
}


def described(value: Any) -> str:
    """All that a pickle keeps of a frame, a series or an index: two are the same if their texts are."""
    if isinstance(value, pd.Index):
        return repr(_index(value))
    columns = [value] if isinstance(value, pd.Series) else [value.iloc[:, i] for i in range(value.shape[1])]
    return repr(
        (
            type(value),
            [_index(axis) for axis in value.axes],
            _deep(value.attrs),
            value.flags,
            [(_dtype(column.dtype), type(column.array), [_deep(v) for v in column]) for column in columns],
        )
    )


def _index(index: pd.Index) -> object:
    parts: list[object] = [type(index), _dtype(index.dtype), _deep(list(index.names))]
    parts += [getattr(index, name, None) for name in ("freq", "start", "stop", "step")]
    if isinstance(index, pd.MultiIndex):
        parts += [[_index(level) for level in index.levels], [codes.tolist() for codes in index.codes]]
    return (*parts, [_deep(value) for value in index])


def _dtype(dtype: Any) -> object:
    categories, subtype = getattr(dtype, "categories", None), getattr(dtype, "subtype", None)
    return (
        repr(dtype),
        repr(getattr(dtype, "tz", None)),
        getattr(dtype, "metadata", None),
        None if categories is None else _index(categories),
        None if subtype is None else _dtype(subtype),
    )


def _deep(value: Any) -> object:
    if isinstance(value, list | tuple):
        return (type(value), [_deep(item) for item in value])
    if isinstance(value, dict):
        return (type(value), [(_deep(key), _deep(item)) for key, item in value.items()])
    if isinstance(value, np.ndarray):
        return (type(value), value.dtype, value.shape, value.tolist())
    return (type(value), repr(value))
