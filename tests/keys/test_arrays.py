"""Keys of arrays and data frames."""

from __future__ import annotations

import collections
import os
import pickle
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from jug._native import key
from tests.support.key_values import different, samples, twin

# --- numpy ----------------------------------------------------------------------------------------


def test_strides_do_not_matter():
    array = np.arange(24.0).reshape(2, 3, 4)
    for other in (
        np.asfortranarray(array),
        np.repeat(array, 2, axis=1)[:, ::2],
        array[::-1].copy()[::-1],
        array.T.copy().T,
    ):
        assert not other.flags.c_contiguous or other is array
        assert key(other) == key(array)
        assert key(samples.Point(other, 1)) == key(samples.Point(array, 1))
    assert key(np.broadcast_to(np.arange(3), (2, 3))) == key(np.array([[0, 1, 2], [0, 1, 2]]))
    assert different(array, array.T, array.ravel(), array.astype("f4"))


@pytest.mark.parametrize("shape", [(1 << 20, 2), (2, 1 << 20), (1, 2, 1 << 20), (1024, 2048), (1 << 21,)])
def test_large_arrays_of_any_layout_have_the_key_of_their_contents(shape):
    array = np.arange(1 << 21, dtype="f8").reshape(shape)
    assert key(np.asfortranarray(array)) == key(array)
    assert key(np.repeat(array, 2, axis=-1)[..., ::2]) == key(array)
    assert key(array.astype(">f8")) == key(array)
    changed = array.copy()
    changed.flat[-1] += 1
    assert key(changed) != key(array)


def test_byte_order_matters_to_a_dtype_but_not_to_an_array():
    assert key(np.arange(5, dtype=">i4")) == key(np.arange(5, dtype="<i4"))
    assert key(np.arange(5).astype(">M8[s]")) == key(np.arange(5).astype("<M8[s]"))
    assert different(np.dtype(">i4"), np.dtype("<i4"))


def test_dates_are_identified_by_their_unit():
    assert different(
        np.array([1, 2], "M8[s]"), np.array([1, 2], "M8[ms]"), np.array([1, 2], "M8[2s]"),
        np.array([1, 2], "m8[s]"), np.array([1, 2]),
    )  # fmt: skip
    assert key(np.datetime64("2020-01-01")) != key(np.datetime64("2020-01-01T00"))


def test_bytes_between_the_fields_of_a_record_do_not_matter():
    kind = np.dtype([("a", "i1"), ("b", "i8")], align=True)
    clean, dirty = np.zeros(3, kind), np.frombuffer(bytearray(b"\xff" * 3 * kind.itemsize), kind)
    dirty["a"], dirty["b"] = 0, 0
    assert clean.tobytes() != dirty.tobytes()
    assert key(clean) == key(dirty)
    assert key(clean[0]) == key(dirty[0])


def test_bytes_that_fill_up_extended_floats_do_not_matter():
    clean = np.array([1, 2], np.longdouble) / 3
    dirty = np.frombuffer(bytearray(b"\xff" * clean.nbytes), np.longdouble)
    dirty[:] = clean
    assert key(clean) == key(dirty)
    assert key(clean) != key(clean + 1)


def test_texts_of_any_length_are_distinguished():
    if not hasattr(np, "dtypes") or not hasattr(np.dtypes, "StringDType"):
        pytest.skip("numpy before 2.0 has no such dtype")
    texts = ["a", "b" * 100]
    array = np.array(texts, np.dtypes.StringDType())
    assert key(array) == key(np.array(texts * 2, np.dtypes.StringDType())[:2])
    assert different(array, np.array(texts), array[::-1])


def test_the_shape_of_an_empty_array_counts():
    assert different(np.zeros(0), np.zeros((0, 1)), np.zeros((1, 0)), np.zeros(0, "S0"), np.zeros(0, int))


def test_object_arrays_are_identified_by_their_elements():
    def of(*elements):
        return np.array(elements, object)

    assert key(of("a", {1, 2})) == key(of("".join("a"), {2, 1}))
    assert different(of(1, 2), of(1, "2"), of(1, 2.0), np.array([1, 2]))
    assert key(of(*range(6)).reshape(2, 3)) == key(np.asfortranarray(of(*range(6)).reshape(2, 3)))
    rings = [of(1, None), of(1, None)]
    for ring in rings:
        ring[1] = ring
    assert key(rings[0]) == key(rings[1])


def test_masks_and_classes_of_arrays_count():
    plain = np.array([1, 2, 3])
    assert different(
        plain, np.ma.array(plain), np.ma.array(plain, mask=[0, 1, 0]), np.ma.array(plain, fill_value=9),
        plain.view(samples.MyArray), plain[None].view(np.matrix), plain[None],
    )  # fmt: skip


def test_the_empty_metadata_that_a_pickle_of_dates_is_loaded_with_does_not_count():
    for plain in (np.dtype("M8[s]"), np.dtype("m8[D]")):
        loaded = np.dtype(plain, metadata={})
        assert key(loaded) == key(plain)
        assert key(np.zeros(2, loaded)) == key(np.zeros(2, plain))
        assert different(plain, np.dtype(plain, metadata={"unit": "m"}))


def test_the_file_of_a_memory_map_does_not_matter(tmp_path):
    maps = []
    for name in "ab":
        maps.append(np.memmap(tmp_path / name, dtype="i4", mode="w+", shape=(4,)))
        maps[-1][:] = [1, 2, 3, 4]
    assert key(maps[0]) == key(maps[1])


def test_random_generators_are_identified_by_their_state():
    rng, other = np.random.default_rng(1), np.random.default_rng(1)
    assert key(rng) == key(other)
    rng.random()
    assert key(rng) != key(other)
    other.bit_generator.seed_seq.spawn(1)
    assert key(other) != key(np.random.default_rng(1))


def test_a_large_array_is_hashed_in_a_forked_child():
    array = np.arange(1 << 20)
    expected = key(array)
    child = os.fork()
    if child == 0:
        os._exit(0 if key(array) == expected else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_other_threads_run_while_much_is_hashed():
    large = [np.zeros(1 << 25, "u1"), "x" * (1 << 25), bytes(1 << 25)] * 4
    took = []

    def work():
        begun = time.perf_counter()
        # All in C: between two keys the interpreter does not switch to another thread by itself.
        collections.deque(map(key, large), maxlen=0)
        took.append(time.perf_counter() - begun)

    worker = threading.Thread(target=work)
    worker.start()
    longest, last = 0.0, time.perf_counter()
    while worker.is_alive():
        now = time.perf_counter()
        longest, last = max(longest, now - last), now
    assert longest < took[0] / 2


def test_no_array_means_no_numpy():
    code = (
        "import sys; from jug import _native; _native.key([1, {2: 'a'}]); assert 'numpy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# --- frames ---------------------------------------------------------------------------------------


def test_frames_of_pandas_are_identified_by_their_values():
    pd = pytest.importorskip("pandas")
    at_once = pd.DataFrame({"a": [1, 2], "b": [3, 4], "c": ["x", None]})
    bit_by_bit = pd.DataFrame({"a": [1, 2]})
    bit_by_bit["b"] = [3, 4]
    bit_by_bit["c"] = ["x", None]
    assert key(at_once) == key(bit_by_bit) == key(twin(at_once))
    others = [
        at_once.rename(columns={"a": "z"}), at_once.set_index("a"), at_once[["b", "a", "c"]], at_once["a"],
        at_once["b"], at_once["a"].rename("z"), at_once.index, at_once.columns, at_once["a"].astype("Int64"),
        pd.Categorical(["x", "y"]), pd.date_range("2020", periods=2),
        pd.date_range("2020", periods=2, tz="UTC"),
        pd.MultiIndex.from_tuples([(1, "a"), (2, "b")]), pd.Timestamp("2020"), pd.NaT, pd.NA,
    ]  # fmt: skip
    assert different(at_once, *others)
    for other in others:
        assert key(twin(other)) == key(pickle.loads(pickle.dumps(other))) == key(other)


def test_frames_of_polars_are_identified_by_their_values():
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame({"a": [1, None], "b": ["x", "y"], "c": [[1], []]})
    in_pieces = pl.concat([frame[:1], frame[1:]], rechunk=False)
    assert key(in_pieces) == key(frame) == key(pickle.loads(pickle.dumps(frame)))
    assert different(
        frame, frame["a"], frame["a"].cast(pl.Int8), frame["a"].alias("z"), frame[:1], frame[["a", "c"]]
    )
