"""Frames, series and indexes of pandas, on their way through a store."""

import pickle
from pathlib import Path

import pytest

from jug import _native

pytest.importorskip("pandas")
pytest.importorskip("pyarrow")

from tests.support import frames

KEY = bytes(range(32))


@pytest.mark.parametrize("kind", frames.KINDS)
def test_a_frame_of_any_kind_comes_back_as_pickle_gives_it(kind: str, tmp_path: Path) -> None:
    """With the kinds of its axes, levels, categories and time zones, and the types of what is in it."""
    value = frames.KINDS[kind]()
    expected = frames.described(pickle.loads(pickle.dumps(value, 5)))
    store = _native.Store(str(tmp_path / "jugdata"))
    store.save(KEY, value)
    store.flush()
    assert frames.described(store.load(KEY)) == expected


@pytest.mark.parametrize(
    "kind",
    ["plain", "named axes", "columns: levels", "index: range by steps", "index: levels", "values: a zone"],
)
def test_a_frame_that_survives_that_is_a_parquet_file(kind: str, tmp_path: Path) -> None:
    """It is smaller than a pickle, and other tools read it."""
    store = _native.Store(str(tmp_path / "jugdata"))
    store.save(KEY, frames.KINDS[kind]())
    assert store.pickle(KEY) is None


@pytest.mark.parametrize("kind", ["columns: range", "index: unused levels", "values: objects: decimals"])
def test_a_frame_that_parquet_changes_is_a_pickle(kind: str, tmp_path: Path) -> None:
    """The bytes are what pickle gives."""
    store = _native.Store(str(tmp_path / "jugdata"))
    store.save(KEY, frames.KINDS[kind]())
    found = store.pickle(KEY)
    assert found is not None
    assert frames.described(pickle.loads(found)) == frames.described(frames.KINDS[kind]())


def test_a_frame_with_categories_can_be_changed_after_it_was_read(tmp_path: Path) -> None:
    """As it could before it was stored."""
    import pandas as pd

    store = _native.Store(str(tmp_path / "jugdata"))
    store.save(KEY, pd.DataFrame({"a": [1, 2, 3], "c": pd.Categorical(["x", "y", "x"])}))
    store.flush()
    assert store.pickle(KEY) is None
    frame = store.load(KEY)
    frame.loc[0, "c"] = "y"
    assert list(frame["c"]) == ["y", "y", "x"]
    assert list(store.load(KEY)["c"]) == ["x", "y", "x"]


def test_attributes_that_hold_themselves_are_left_to_pickle(tmp_path: Path) -> None:
    """And end nothing."""
    loop: list[object] = [1]
    loop.append(loop)
    frame = frames.with_attributes({"loop": loop})
    store = _native.Store(str(tmp_path / "jugdata"))
    store.save(KEY, frame)
    assert store.pickle(KEY) is not None
    found = store.load(KEY).attrs["loop"]
    assert found[1] is found


def test_a_frame_that_pandas_cannot_describe_is_left_to_pickle(tmp_path: Path) -> None:
    """Pandas has no name for columns of this type of Arrow."""
    import pandas as pd
    import pyarrow as pa

    frame = pd.DataFrame({"a": [1, 2]})
    columns = pd.Index(frames.of_arrow(pa.string_view(), ["a"]))
    frame.columns = columns
    with pytest.raises(NotImplementedError):
        assert columns.inferred_type
    store = _native.Store(str(tmp_path / "jugdata"))
    store.save(KEY, frame)
    assert store.load(KEY).columns.dtype == columns.dtype
