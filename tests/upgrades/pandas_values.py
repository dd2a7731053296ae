"""Values of pandas, by family."""

from __future__ import annotations

import datetime
import io
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pandas.api.extensions
import pandas.api.indexers
import pandas.api.types
import pandas.errors
import pandas.tseries.holiday
import pandas.tseries.offsets as offsets

__all__ = ["FAMILIES"]

CSV = "a,b,c\n1,1.5,7\n2,2.5,8\n"


class OwnFrame(pd.DataFrame):
    """A frame of a class of one's own."""

    _metadata: ClassVar = ["unit"]

    @property
    def _constructor(self) -> Any:
        return OwnFrame


def csv(text: str = CSV, **options: Any) -> pd.DataFrame:
    """What a file of comma-separated values gives."""
    return pd.read_csv(io.StringIO(text), **options)


def numbers() -> pd.DataFrame:
    """A frame of numbers."""
    return pd.DataFrame({"a": [1, 2, 3], "b": [1.5, 2.5, np.nan]}, columns=pd.Index(["a", "b"], dtype=object))


def objects(*names: str) -> pd.Index:
    """Names of columns, as objects."""
    return pd.Index(names, dtype=object)


def bare(values: Any, **options: Any) -> pd.DataFrame:
    """A frame whose columns are numbered."""
    return pd.DataFrame(values, **options)


def times(unit: str = "ns", **options: Any) -> pd.DatetimeIndex:
    """Some days."""
    return pd.date_range("2024-02-28", periods=3, freq="D", **options).as_unit(unit)


#: By family: the values by name.
FAMILIES: dict[str, dict[str, Callable[[], Any]]] = {
    "pandas: frames and series of numbers": {
        "frame, names as objects": numbers,
        "frame without names": lambda: bare(np.arange(6).reshape(2, 3)),
        "series": lambda: pd.Series([1, 2, 3]),
        "series with a name": lambda: pd.Series([1.5, np.nan], name="a"),
        "series of bool": lambda: pd.Series([True, False]),
        "series of complex": lambda: pd.Series([1j]),
        "series of objects": lambda: pd.Series([1, "a", None], dtype=object),
        "series of texts as objects": lambda: pd.Series(["a", "b"], dtype=object),
        "concatenated": lambda: pd.concat([bare([[1.0, 2.0]]), bare([[3.0, 4.0]])], ignore_index=True),
        "concatenated beside": lambda: pd.concat(
            [bare([[1.0], [2.0]]), bare([[3], [4]])], axis=1, ignore_index=True
        ),
        "read from a file without names": lambda: csv("1,2\n3,4\n", header=None),
        "grouped": lambda: bare([[1, 2.0], [1, 3.0]]).groupby(0).sum(),
        "merged": lambda: numbers().merge(numbers(), on="a").set_axis(objects("a", "b", "c"), axis=1),
        "attrs": lambda: _noted(numbers()),
        "no duplicates": lambda: numbers().set_flags(allows_duplicate_labels=False),
        "subclass": lambda: OwnFrame(np.arange(4).reshape(2, 2)),
        "empty": lambda: pd.DataFrame(index=pd.RangeIndex(0), columns=pd.RangeIndex(0)),
        "transposed": lambda: bare(np.arange(6).reshape(2, 3)).T,
        "described": lambda: bare([1.0, 2.0]).describe().reset_index(drop=True),
    },
    "pandas: indexes of numbers": {
        "RangeIndex": lambda: pd.RangeIndex(3),
        "int": lambda: pd.Index([3, 1, 2]),
        "float": lambda: pd.Index([0.5, 1.5]),
        "objects": lambda: objects("a", "b"),
        "MultiIndex": lambda: pd.MultiIndex.from_product([[1, 2], [0.5, 1.5]], names=["x", "y"]),
        "IntervalIndex": lambda: pd.interval_range(0, 3),
        "CategoricalIndex": lambda: pd.CategoricalIndex([3, 1, 3]),
        "PeriodIndex": lambda: pd.period_range("2024-01", periods=3, freq="M"),
        "PeriodIndex of quarters": lambda: pd.period_range("2024Q1", periods=3, freq="Q"),
        "bool": lambda: pd.Index([True, False]),
    },
    "pandas: columns of extension types": {
        "Int64": lambda: pd.array([1, None, 3], dtype="Int64"),
        "Int64 without missing": lambda: pd.array([1, 2], dtype="Int64"),
        "Float64": lambda: pd.array([1.5, None], dtype="Float64"),
        "boolean": lambda: pd.array([True, None], dtype="boolean"),
        "boolean without missing": lambda: pd.array([True, False], dtype="boolean"),
        "series Int64": lambda: pd.Series([1, None], dtype="Int64"),
        "Categorical of numbers": lambda: pd.Categorical([3, 1, 3], ordered=True),
        "Categorical of objects": lambda: pd.Categorical.from_codes([0, 1, 0], objects("a", "b")),
        "Sparse": lambda: pd.arrays.SparseArray([0, 0, 1]),
        "Period": lambda: pd.period_range("2024-01", periods=3, freq="M").array,
        "Interval": lambda: pd.interval_range(0, 3).array,
        "NumpyExtensionArray": lambda: pd.arrays.NumpyExtensionArray(np.array([1, 2])),
        "series of Period": lambda: pd.Series(pd.period_range("2024-01", periods=3, freq="D")),
        "arrow int": lambda: pd.Series([1, None], dtype="int64[pyarrow]"),
        "arrow list": lambda: pd.Series([[1], None], dtype=_arrow_list()),
    },
    "pandas: times": {
        "index of ns": times,
        "index of s": lambda: times("s"),
        "index without frequency": lambda: pd.DatetimeIndex(times().values),
        "index with a zone": lambda: times(tz="Europe/Paris"),
        "index in UTC": lambda: times(tz="UTC"),
        "index of an offset": lambda: times(tz=datetime.timezone(datetime.timedelta(hours=1))),
        "business days": lambda: pd.bdate_range("2024-02-28", periods=3).as_unit("ns"),
        "month ends": lambda: pd.date_range("2024-02-28", periods=3, freq=offsets.MonthEnd()).as_unit("ns"),
        "quarters": lambda: pd.date_range("2024-02-28", periods=3, freq=offsets.QuarterEnd()).as_unit("ns"),
        "years": lambda: pd.date_range("2024-02-28", periods=3, freq=offsets.YearEnd()).as_unit("ns"),
        "hours": lambda: pd.date_range("2024-02-28", periods=3, freq=offsets.Hour()).as_unit("ns"),
        "minutes": lambda: pd.date_range("2024-02-28", periods=3, freq=offsets.Minute()).as_unit("ns"),
        "series of ns": lambda: pd.Series(times().values),
        "differences of ns": lambda: pd.Series(times().values) - np.datetime64("2024-01-01", "ns"),
        "TimedeltaIndex": lambda: pd.to_timedelta([1, 2], unit="ns"),
        "array of numpy's": lambda: pd.array(np.array(["2024-02-29"], "M8[ns]")),
        "Timestamp of ns": lambda: pd.Timestamp("2024-02-29").as_unit("ns"),
        "Timestamp of s": lambda: pd.Timestamp("2024-02-29").as_unit("s"),
        "Timestamp with a zone": lambda: pd.Timestamp("2024-02-29", tz="Europe/Paris").as_unit("ns"),
        "Timestamp in UTC": lambda: pd.Timestamp("2024-02-29", tz="UTC").as_unit("ns"),
        "Timedelta of ns": lambda: pd.Timedelta(1, "ns"),
        "Timedelta of s": lambda: pd.Timedelta(days=1).as_unit("s"),
    },
    "pandas: single values": {
        "NaT": lambda: pd.NaT,
        "NA": lambda: pd.NA,
        "Period": lambda: pd.Period("2024-02", freq="M"),
        "Period of a quarter": lambda: pd.Period("2024Q1", freq="Q"),
        "Period of a day": lambda: pd.Period("2024-02-29", freq="D"),
        "Period of an hour": lambda: pd.Period("2024-02-29 10:00", freq=offsets.Hour()),
        "Interval": lambda: pd.Interval(0, 1),
        "Interval closed": lambda: pd.Interval(0.5, 1.5, closed="both"),
        "Interval of times": lambda: pd.Interval(
            pd.Timestamp("2024-02-29").as_unit("ns"), pd.Timestamp("2024-03-01").as_unit("ns")
        ),
        "NoDefault": lambda: pd.api.extensions.no_default,
        "NamedAgg": lambda: pd.NamedAgg("a", "sum"),
        "IndexSlice": lambda: pd.IndexSlice[1:2, "a"],
        "Flags": lambda: numbers().flags.allows_duplicate_labels,
        "list of NaT and NA": lambda: [pd.NaT, pd.NA, None, np.nan],
    },
    "pandas: dtypes": {
        "Int64": lambda: pd.Int64Dtype(),
        "UInt8": lambda: pd.UInt8Dtype(),
        "Float64": lambda: pd.Float64Dtype(),
        "boolean": lambda: pd.BooleanDtype(),
        "category": lambda: pd.CategoricalDtype(),
        "category of numbers": lambda: pd.CategoricalDtype([1, 2], ordered=True),
        "category of objects": lambda: pd.CategoricalDtype(objects("a", "b")),
        "period": lambda: pd.PeriodDtype("M"),
        "period of quarters": lambda: pd.PeriodDtype(offsets.QuarterEnd()),
        "interval": lambda: pd.IntervalDtype("int64"),
        "sparse": lambda: pd.SparseDtype("float64"),
        "sparse int": lambda: pd.SparseDtype("int64", 0),
        "zone": lambda: pd.DatetimeTZDtype("ns", "Europe/Paris"),
        "zone UTC": lambda: pd.DatetimeTZDtype("ns", "UTC"),
        "string": lambda: pd.StringDtype("python"),
        "string of arrow": lambda: pd.StringDtype("pyarrow"),
        "arrow": lambda: _arrow("int64"),
        "as a dict": lambda: {"a": pd.Int64Dtype(), "b": "float64", "c": pd.CategoricalDtype([1])},
    },
    "pandas: offsets": {
        name: lambda name=name: getattr(offsets, name)(2)
        for name in (
            "Day",
            "Hour",
            "Minute",
            "Second",
            "Milli",
            "Micro",
            "Nano",
            "BusinessDay",
            "MonthEnd",
            "MonthBegin",
            "BMonthEnd",
            "QuarterEnd",
            "QuarterBegin",
            "BQuarterEnd",
            "YearEnd",
            "YearBegin",
            "Week",
            "SemiMonthEnd",
            "Easter",
            "LastWeekOfMonth",
            "WeekOfMonth",
            "FY5253",
            "BusinessHour",
        )
    }
    | {
        "week on a weekday": lambda: offsets.Week(weekday=2),
        "year end in June": lambda: offsets.YearEnd(month=6),
        "DateOffset": lambda: pd.DateOffset(months=2, days=1),
        "DateOffset of n": lambda: pd.DateOffset(2),
        "normalized": lambda: offsets.MonthEnd(normalize=True),
        "CustomBusinessDay": lambda: offsets.CustomBusinessDay(holidays=["2024-02-29"]),
        "CustomBusinessDay of a calendar": lambda: offsets.CustomBusinessDay(
            calendar=pandas.tseries.holiday.USFederalHolidayCalendar()
        ),
        "Holiday": lambda: pandas.tseries.holiday.USMemorialDay,
    },
    "pandas: texts": {
        "series of texts": lambda: pd.Series(["a", "b"]),
        "frame of texts": lambda: pd.DataFrame({0: ["a"]}),
        "frame with names": lambda: pd.DataFrame({"a": [1]}),
        "index of texts": lambda: pd.Index(["a", "b"]),
        "read from a file": csv,
        "categories of texts": lambda: pd.Series(["a", "b"]).astype("category"),
        "string": lambda: pd.array(["a", None], dtype="string"),
        "string[python]": lambda: pd.array(["a", "b", None], dtype="string[python]"),
        "string[pyarrow]": lambda: pd.array(["b", None], dtype="string[pyarrow]"),
        "get_dummies": lambda: pd.get_dummies(pd.Series(["a", "b"])),
    },
    "pandas: times without a unit": {
        "Timestamp": lambda: pd.Timestamp("2024-02-29"),
        "Timestamp of a datetime": lambda: pd.Timestamp(datetime.datetime(2024, 2, 29)),
        "Timestamp with a zone by default": lambda: pd.Timestamp("2024-02-29", tz="Europe/Paris"),
        "Timedelta": lambda: pd.Timedelta(days=1),
        "date_range": lambda: pd.date_range("2024-02-28", periods=3),
        "to_datetime": lambda: pd.to_datetime(pd.Series(["2024-02-28"], dtype=object)),
        "to_timedelta": lambda: pd.to_timedelta([1, 2], unit="s"),
        "timedelta_range": lambda: pd.timedelta_range("1s", periods=2),
        "read from a file with times": lambda: csv("1,2024-02-28\n", header=None, parse_dates=[1]),
        "resampled": lambda: (
            pd.Series([1, 2, 3], pd.date_range("2024-02-28", periods=3)).resample("2D").sum()
        ),
    },
    "pandas: functions and classes": {
        **{
            name: lambda name=name: getattr(pd, name)
            for name in (
                "DataFrame", "Series", "Index", "RangeIndex", "MultiIndex", "DatetimeIndex", "TimedeltaIndex",
                "PeriodIndex", "CategoricalIndex", "IntervalIndex", "Categorical", "Timestamp", "Timedelta",
                "Period", "Interval", "Grouper", "ExcelWriter", "ExcelFile", "HDFStore", "NamedAgg", "Flags",
                "Int64Dtype", "Int8Dtype", "UInt32Dtype", "Float32Dtype", "Float64Dtype", "BooleanDtype",
                "StringDtype", "CategoricalDtype", "PeriodDtype", "IntervalDtype", "SparseDtype",
                "ArrowDtype", "DatetimeTZDtype", "DateOffset", "read_csv", "read_table", "read_fwf",
                "read_json", "read_parquet",
                "read_pickle", "read_excel", "read_hdf", "read_sql", "read_feather", "read_orc", "read_html",
                "read_xml", "read_clipboard", "read_sas", "read_spss", "read_stata", "read_sql_query",
                "read_sql_table", "to_pickle", "concat", "merge", "merge_asof", "merge_ordered", "pivot",
                "pivot_table", "crosstab", "cut", "qcut", "melt", "lreshape", "wide_to_long", "get_dummies",
                "from_dummies", "factorize", "unique", "isna", "isnull", "notna", "notnull", "to_datetime",
                "to_numeric", "to_timedelta", "date_range", "bdate_range", "period_range", "timedelta_range",
                "interval_range", "infer_freq", "eval", "array", "json_normalize", "set_eng_float_format",
                "show_versions", "test", "get_option", "set_option", "option_context",
            )
        },
        **{
            f"arrays.{name}": lambda name=name: getattr(pd.arrays, name)
            for name in (
                "ArrowExtensionArray", "ArrowStringArray", "BooleanArray", "Categorical", "DatetimeArray",
                "FloatingArray", "IntegerArray", "IntervalArray", "NumpyExtensionArray", "PeriodArray",
                "SparseArray", "StringArray", "TimedeltaArray",
            )
        },
        **{
            f"offsets.{name}": lambda name=name: getattr(offsets, name)
            for name in ("Day", "MonthEnd", "BusinessDay", "Week", "Easter", "Tick", "BaseOffset")
        },
        **{
            f"errors.{name}": lambda name=name: getattr(pd.errors, name)
            for name in (
                "EmptyDataError", "ParserError", "MergeError", "OutOfBoundsDatetime", "OutOfBoundsTimedelta",
                "IntCastingNaNError", "UndefinedVariableError", "PerformanceWarning", "DtypeWarning",
                "InvalidIndexError", "DuplicateLabelError", "UnsupportedFunctionCall",
            )
        },
        **{
            f"api.types.{name}": lambda name=name: getattr(pd.api.types, name)
            for name in (
                "is_numeric_dtype", "is_list_like", "is_integer", "infer_dtype", "pandas_dtype",
                "union_categoricals",
                "is_string_dtype", "is_datetime64_any_dtype", "is_scalar",
            )
        },
        **{
            f"api.{place}.{name}": lambda place=place, name=name: getattr(getattr(pd.api, place), name)
            for place, name in (
                ("extensions", "ExtensionArray"), ("extensions", "ExtensionDtype"), ("extensions", "take"),
                ("extensions", "register_dataframe_accessor"), ("indexers", "BaseIndexer"),
                ("indexers", "FixedForwardWindowIndexer"), ("indexers", "check_array_indexer"),
            )
        },
        "method": lambda: numbers().head,
        "DataFrame.sum": lambda: pd.DataFrame.sum,
        "DataFrame.from_dict": lambda: pd.DataFrame.from_dict,
        "Series.mean": lambda: pd.Series.mean,
        "Index.union": lambda: pd.Index.union,
        "Timestamp.now": lambda: pd.Timestamp.now,
        "module": lambda: pd,
        "FixedForwardWindowIndexer": lambda: pd.api.indexers.FixedForwardWindowIndexer(window_size=2),
        "Grouper of a key": lambda: pd.Grouper(key="a"),
        "error": lambda: pd.errors.ParserError("what"),
        "error of times": lambda: pd.errors.OutOfBoundsDatetime("what"),
    },
}  # fmt: skip


def _noted(frame: pd.DataFrame) -> pd.DataFrame:
    """A frame with a remark."""
    frame.attrs["unit"] = "m"
    return frame


def _arrow(name: str) -> Any:
    """A type of Arrow."""
    import pyarrow

    return pd.ArrowDtype(getattr(pyarrow, name)())


def _arrow_list() -> Any:
    """The type of lists of Arrow."""
    import pyarrow

    return pd.ArrowDtype(pyarrow.list_(pyarrow.int64()))
