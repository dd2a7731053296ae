"""Stored forms of Python values: arrays and frames come back exactly, and plainly."""

import datetime
import decimal
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jug import _native

KEY = bytes(range(32))


def stored(tmp_path: Path, value: object) -> Any:
    """What another process would get for a value."""
    jugdir = str(tmp_path / "jugdata")
    writer = _native.Store(jugdir)
    writer.save(KEY, value)
    writer.close()
    return _native.Store(jugdir).load(KEY)


ARRAYS = {
    "floats": np.linspace(0, 1, 7),
    "big": np.arange(200_000, dtype="f8"),
    "zeros": np.zeros((300, 300)),
    "fortran": np.asfortranarray(np.arange(12).reshape(3, 4)),
    "big fortran": np.asfortranarray(np.arange(40_000.0).reshape(200, 200)),
    "strided": np.arange(20)[::3],
    "backwards": np.arange(20)[::-1],
    "transposed": np.arange(24).reshape(2, 3, 4).transpose(1, 0, 2),
    "broadcast": np.broadcast_to(np.arange(3), (2, 3)),
    "no dimension": np.array(1.5),
    "empty": np.zeros((0, 3)),
    "big-endian": np.arange(3, dtype=">i4"),
    "bool": np.array([True, False]),
    "complex": np.array([1j]),
    "half": np.array([1.5], "f2"),
    "long double": np.array([1.5], "longdouble"),
    "bytes": np.array([b"ab", b"c"]),
    "text": np.array(["ab", "\u00e9"]),
    "no width": np.array(["", ""]),
    "void": np.zeros(3, "V5"),
    "datetime": np.array(["2020-01-01", "NaT"], "M8[ns]"),
    "timedelta": np.array([1, 2], "m8[25s]"),
    "structured": np.ones(3, [("a", "<i4"), ("b", ">f8", (2, 2)), ("c", "S3")]),
    "nested": np.ones(2, [("a", [("b", "u1"), ("c", "M8[us]")])]),
    "padded": np.ones(2, np.dtype([("a", "u1"), ("b", "f8")], align=True)),
    "offsets": np.zeros(2, np.dtype({"names": ["a"], "formats": ["i2"], "offsets": [6], "itemsize": 16})),
    "fields out of order": np.array([(1, 2.5), (2, 3.5)], [("id", "i8"), ("v", "f8")])[["v", "id"]],
    "fields that overlap": np.ones(
        3, np.dtype({"names": ["a", "b"], "formats": ["i4", "i2"], "offsets": [0, 2]})
    ),
    "read-only": np.frombuffer(b"12345678", "i4"),
    "objects": np.array([1, "a", None], object),
    "objects inside": np.array([(1, {})], [("a", "i4"), ("b", object)]),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_an_array_comes_back_with_its_dtype_shape_and_contents(tmp_path: Path, name: str) -> None:
    """Writable, whatever it was."""
    array = ARRAYS[name]
    back = stored(tmp_path, array)
    assert type(back) is np.ndarray
    assert (back.dtype, back.shape) == (array.dtype, array.shape)
    assert back.dtype.isalignedstruct == array.dtype.isalignedstruct
    assert back.tobytes() == array.tobytes() or array.dtype.hasobject
    assert repr(back.tolist()) == repr(array.tolist())
    assert back.flags.writeable
    if array.flags.fnc:
        assert back.flags.fnc


@pytest.mark.parametrize(
    "value",
    [
        np.float64(1.5),
        np.ma.masked_array([1, 2], [True, False]),
        np.rec.array([(1, 2.0)], dtype=[("a", int), ("b", float)]),
        [np.arange(3), {"a": np.zeros(2)}],
    ],
    ids=["scalar", "masked", "record", "inside"],
)
def test_what_is_not_exactly_an_array_is_pickled(tmp_path: Path, value: Any) -> None:
    """Subclasses keep their class, scalars stay scalars."""
    back = stored(tmp_path, value)
    assert type(back) is type(value)
    assert repr(back) == repr(value)


def test_metadata_of_a_dtype_does_not_get_in_the_way(tmp_path: Path) -> None:
    """Such an array is pickled."""
    array = np.zeros(3, np.dtype("f8", metadata={"unit": "m"}))
    assert stored(tmp_path, array).tolist() == [0, 0, 0]


def test_an_array_is_read_back_without_the_modules_of_the_user(tmp_path: Path) -> None:
    """And numpy is imported only then."""
    jugdir = str(tmp_path / "jugdata")
    store = _native.Store(jugdir)
    store.save(KEY, np.arange(3))
    store.close()
    program = (
        "import sys; from jug import _native; s = _native.Store(sys.argv[1]);"
        "assert 'numpy' not in sys.modules; assert s.load(bytes(range(32))).sum() == 3"
    )
    subprocess.run([sys.executable, "-c", program, jugdir], check=True)


def test_a_polars_frame_comes_back(tmp_path: Path) -> None:
    """With its types."""
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame(
        {
            "a": [1, None, 3],
            "b": ["x", None, "z"],
            "c": [datetime.date(2020, 1, 1)] * 3,
            "d": [[1, 2], [], None],
            "e": pl.Series(["u", "v", "u"], dtype=pl.Categorical),
            "f": [decimal.Decimal("1.50")] * 3,
        }
    )
    back = stored(tmp_path, frame)
    assert type(back) is pl.DataFrame
    assert back.schema == frame.schema
    assert back.equals(frame)
    assert stored(tmp_path / "empty", pl.DataFrame()).equals(pl.DataFrame())


def test_a_pandas_frame_comes_back(tmp_path: Path) -> None:
    """Through Parquet where it survives that, through pickle where not."""
    pd = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    plain = pd.DataFrame({"a": [1, 2], "b": ["x", None], "c": pd.Categorical(["u", "v"])})
    dated = plain.set_index(pd.date_range("2020-01-01", periods=2, freq="D"))
    odd = pd.DataFrame({"a": [1, "x", (2, 3)], 7: [{1}, None, float("nan")]})
    lists = pd.DataFrame({"a": [(1, 2), (3,)]})
    noted = plain.copy()
    noted.attrs["unit"] = ("m", 1)
    for frame in (plain, dated, odd, lists, noted, pd.DataFrame()):
        back = stored(tmp_path / str(id(frame)), frame)
        assert type(back) is pd.DataFrame
        pd.testing.assert_frame_equal(back, frame, check_freq=True)
        assert back.map(type).equals(frame.map(type))
        assert back.attrs == frame.attrs


def test_a_value_of_a_class_that_is_gone_raises_what_pickle_raises(tmp_path: Path) -> None:
    """The result stays: with the class it can be read again."""
    jugdir = str(tmp_path / "jugdata")
    program = (
        "import sys, types; from jug import _native; m = types.ModuleType('gone'); sys.modules['gone'] = m\n"
        "exec('class C: pass', m.__dict__); m.C.__module__ = 'gone'\n"
        "s = _native.Store(sys.argv[1]); s.save(bytes(range(32)), m.C()); s.close()"
    )
    subprocess.run([sys.executable, "-c", program, jugdir], check=True)
    store = _native.Store(jugdir)
    with pytest.raises(ModuleNotFoundError, match="gone"):
        store.load(KEY)
    assert store.contains(KEY)
    assert store.damage()["records"] == 0


def test_no_library_is_imported_to_store_a_value(tmp_path: Path) -> None:
    """A program without arrays pays for none."""
    program = (
        "import sys; from jug import _native; s = _native.Store(sys.argv[1])\n"
        "for n, v in enumerate([1, 'a', [1], {1}, object, Exception('x')]): s.save(bytes([n] * 32), v)\n"
        "s.close(); assert not {'numpy', 'pandas', 'polars', 'pyarrow'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "jugdata")], check=True)


def test_plain_values_are_plain_pickles_on_disk(tmp_path: Path) -> None:
    """What is stored can be read without this package."""
    store = _native.Store(str(tmp_path / "jugdata"))
    store.save(KEY, {"a": [1, 2.5, None]})
    store.close()
    (segment,) = os.listdir(tmp_path / "jugdata" / "segments")
    contents = (tmp_path / "jugdata" / "segments" / segment).read_bytes()
    assert pickle.dumps({"a": [1, 2.5, None]}, 5) in contents
