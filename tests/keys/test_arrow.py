"""Keys of pyarrow's arrays and tables: by their values, whatever they were cut out of or put together of."""

from __future__ import annotations

import datetime
import decimal

import pandas as pd
import pyarrow as pa
import pytest

from jug._native import key
from tests.support.key_values import different

DAY = datetime.datetime(2024, 2, 29)

ARRAYS = {
    "ints": pa.array([1, 2, 3]),
    "ints, some missing": pa.array([1, None, 3]),
    "floats": pa.array([1.0, None, float("nan")]),
    "bools": pa.array([True, None, False]),
    "texts": pa.array(["a", "", "ccc"]),
    "texts, some missing": pa.array(["a", None, "ccc"]),
    "large texts": pa.array(["a", None, "c"], pa.large_string()),
    "bytes": pa.array([b"a", None]),
    "bytes of one width": pa.array([b"ab", None], pa.binary(2)),
    "times": pa.array([DAY, None]),
    "decimals": pa.array([decimal.Decimal("1.5"), None]),
    "lists": pa.array([[1, 2], None, [], [3]]),
    "large lists": pa.array([[1, 2], None, [], [3]], pa.large_list(pa.int64())),
    "lists of one length": pa.array([[1, 2], None, [3, None]], pa.list_(pa.int64(), 2)),
    "structs": pa.array([{"a": 1, "b": "x"}, None, {"a": None, "b": "y"}]),
    "maps": pa.array([[("a", 1)], None, []], pa.map_(pa.string(), pa.int64())),
    "a dictionary": pa.array(["a", "b", None, "a"]).dictionary_encode(),
    "nothing": pa.nulls(3),
    "structs in lists": pa.array([[{"a": [1, None]}], None, [{"a": None}]]),
    "an extension": pa.ExtensionArray.from_storage(pa.uuid(), pa.array([b"0" * 16, None], pa.binary(16))),
    "no ints": pa.array([], pa.int64()),
    "no texts": pa.array([], pa.string()),
    "many": pa.array([n if n % 3 else None for n in range(100_000)]),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_a_slice_is_the_same_as_an_array_of_its_values(name):
    array = ARRAYS[name]
    size = len(array)
    three = pa.concat_arrays([array, array, array])
    assert key(three.slice(size, size)) == key(three.slice(0, size)) == key(three[2 * size :]) == key(array)
    assert key(three) != key(array) or not size


@pytest.mark.parametrize("name", ARRAYS)
def test_chunks_do_not_matter(name):
    array = ARRAYS[name]
    half = len(array) // 2
    column = pa.chunked_array([array])
    for other in (
        pa.chunked_array([array.slice(0, half), array.slice(half)]),
        pa.chunked_array([array.slice(0, 0), array]),
        pa.concat_tables([pa.table({"a": array}), pa.table({"a": array})]).column("a").slice(0, len(array)),
    ):
        assert key(other) == key(column)
    assert different(column, array)


def test_equal_tables_have_equal_keys():
    table = pa.table({"a": [1, None], "b": ["x", "y"]})
    joined = pa.concat_tables(
        [pa.table({"a": [1], "b": ["x"]}), pa.table({"a": pa.nulls(1, "i8"), "b": ["y"]})]
    )
    assert key(joined) == key(table) == key(pa.concat_tables([table, table]).slice(2))
    (batch,) = table.to_batches()
    assert key(batch) == key(pa.concat_batches([batch, batch]).slice(2))
    noted = table.replace_schema_metadata({"unit": "m"})
    assert different(table, batch, noted, table.rename_columns(["a", "c"]), table.select(["b", "a"]))


def test_a_look_at_how_many_values_are_missing_does_not_matter():
    joined = pa.concat_arrays([pa.array([1]), pa.array([None, 3], pa.int64())])
    before = key(joined)
    assert joined.null_count == 1
    assert key(joined) == before == key(pa.array([1, None, 3]))


def test_what_lies_below_missing_values_does_not_matter():
    assert key(pa.array(pd.Series([1.0, None]), from_pandas=True)) == key(pa.array([1.0, None]))


def test_types_values_and_missing_values_count():
    assert different(
        pa.array([1, 2]), pa.array([1, 2], pa.int32()), pa.array([1, 3]), pa.array([1, None]), pa.array([1]),
        pa.array([1, 0]), pa.array(["1", "2"]), pa.array([1.0, 2.0]), pa.array([1.0, float("nan")]),
        pa.array([1.0, None]), pa.array([DAY], pa.timestamp("us")), pa.array([DAY], pa.timestamp("ns")),
    )  # fmt: skip
