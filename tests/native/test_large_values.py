"""Large values: equal when they come back, checked before they are used, and in memory only once."""

import collections
import decimal
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from jug import _native

KEY = bytes(range(32))
MEGABYTE = 1 << 20
NOISE = np.random.default_rng(7).integers(0, 256, 3 * MEGABYTE, "u1")
#: So much of it is noise that it needs a file of its own when it is compressed.
PACKED = np.concatenate([NOISE[:300_000], np.zeros(1_700_000, "u1")])
FLOATS = np.random.default_rng(8).random(100_000)

Point = collections.namedtuple("Point", ["x", "y"])


class Model:
    """An object of the user's."""

    def __init__(self, weights: object) -> None:
        self.weights = weights
        self.name = "model"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Model) and is_same(self.weights, other.weights)

    __hash__ = None  # type: ignore[assignment]


@pytest.fixture
def jugdir(tmp_path: Path) -> str:
    """Where nothing is yet."""
    return str(tmp_path / "jugdata")


class Written:
    """An object that makes a text of itself when it is pickled, which nobody else has."""

    def __init__(self, noise: np.ndarray) -> None:
        self.noise = noise

    def __reduce__(self) -> tuple[object, ...]:
        return Model, (self.noise.tobytes().decode("latin-1"),)


def is_same(one: Any, other: Any) -> bool:
    """Whether two values are equal, with their types and what can be done with the memory of arrays."""
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        memory = [
            (
                it.dtype,
                it.shape,
                it.flags.writeable,
                it.flags.owndata,
                it.flags.c_contiguous,
                it.flags.f_contiguous,
            )
            for it in (one, other)
        ]
        if one.dtype.hasobject:
            return memory[0] == memory[1] and is_same(one.tolist(), other.tolist())
        return memory[0] == memory[1] and one.tobytes() == other.tobytes()
    if isinstance(one, dict):
        return list(one) == list(other) and all(is_same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(is_same, one, other))
    if isinstance(one, pd.DataFrame):
        return one.equals(other) and one.attrs == other.attrs
    return bool(one == other)


def saved(jugdir: str, value: object) -> Path:
    """Stores a value; the file that it is in."""
    store = _native.Store(jugdir)
    store.save(KEY, value)
    store.close()
    (path,) = Path(jugdir, "blobs").glob("*/*")
    return path


def loaded(jugdir: str) -> Any:
    """What a process gets that has just opened the store."""
    return _native.Store(jugdir).load(KEY)


def structured(count: int) -> np.ndarray:
    """An array with fields."""
    array = np.zeros(count, [("a", "<i4"), ("b", ">f8", (2, 2)), ("c", "S3")])
    array["a"], array["b"] = np.arange(count), FLOATS[: 4 * count].reshape(count, 2, 2)
    return array


ARRAYS: dict[str, np.ndarray] = {
    "floats": FLOATS,
    "one that compresses": PACKED.view("f8"),
    "fortran": np.asfortranarray(FLOATS.reshape(1000, 100)),
    "transposed": FLOATS[:96_000].reshape(40, 60, 40).transpose(1, 0, 2),
    "strided": FLOATS[::2],
    "backwards": FLOATS[::-1],
    "broadcast": np.broadcast_to(FLOATS[:30_000], (3, 30_000)),
    "big-endian": FLOATS.astype(">f4"),
    "bool": NOISE > 100,
    "complex": FLOATS.view("c16"),
    "half": NOISE[:200_000].view("f2"),
    "long double": np.linspace(0, 1, 10_000, dtype="longdouble"),
    "bytes": NOISE[:100_000].view("S5"),
    "text": np.array([str(n) for n in range(20_000)]),
    "void": NOISE[:100_000].view("V10"),
    "datetime": NOISE[:800_000].view("M8[s]"),
    "structured": structured(4000),
    "one row": FLOATS.reshape(1, -1),
    "many dimensions": FLOATS[:65_536].reshape((2,) * 16),
    "read-only": np.frombuffer(NOISE.tobytes(), "i4"),
    "objects": np.array([str(n) for n in range(30_000)], object),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_a_large_array_comes_back_with_memory_of_its_own(jugdir: str, name: str) -> None:
    """It can be written to, grown in place, and is laid out as it was."""
    array = ARRAYS[name]
    saved(jugdir, array)
    back = loaded(jugdir)
    assert (type(back), back.dtype, back.shape) == (np.ndarray, array.dtype, array.shape)
    assert back.tolist() == array.tolist() if array.dtype.hasobject else back.tobytes() == array.tobytes()
    assert (back.flags.owndata, back.flags.writeable, back.base is None) == (True, True, True)
    assert back.flags.f_contiguous or not array.flags.f_contiguous
    assert back.flags.aligned
    back.resize(back.size + 10, refcheck=False)


@pytest.mark.parametrize("shape", [(0,), (0, 50_000), (50_000, 0, 3)])
def test_arrays_without_elements_come_back_inside_large_values(jugdir: str, shape: tuple[int, ...]) -> None:
    """Alone they are small."""
    value = {"empty": np.zeros(shape, "f4"), "rest": FLOATS}
    saved(jugdir, value)
    assert is_same(loaded(jugdir), pickle.loads(pickle.dumps(value, 5)))


def nested() -> dict[str, object]:
    """Values with large parts, by what is special about them."""
    shared = FLOATS.copy()
    locked = FLOATS.copy()
    locked.flags.writeable = False
    raw = NOISE.tobytes()
    return {
        "arrays": {"x": FLOATS, "y": [FLOATS[:10], (NOISE, None)]},
        "a part in fortran order": (np.asfortranarray(FLOATS.reshape(1000, 100)), 1),
        "a part with gaps": [FLOATS[::2], FLOATS[::-1]],
        "a part that cannot be written to": {"locked": locked},
        "one part twice": [shared, shared],
        "bytes": [raw, raw[:300_000], b"short"],
        "one bytes twice": [raw, raw],
        "bytes alone": raw,
        "a bytearray": [bytearray(raw), bytearray(b"short")],
        "a bytearray alone": bytearray(raw),
        "text": NOISE.tobytes().decode("latin-1"),
        "texts": [NOISE.tobytes().decode("latin-1"), NOISE[::-1].tobytes().decode("latin-1")],
        "plain text": [NOISE[:500_000].tobytes().hex(), 1],
        "texts that no encoding has": [
            "\ud800" + it.tobytes().decode("latin-1") for it in (NOISE, NOISE[::-1])
        ],
        "texts that are gone when they are pickled": [Written(NOISE[n:]) for n in range(3)],
        "an object": Model(FLOATS),
        "objects in objects": Model({"one": Model(NOISE), "two": Point(FLOATS, 2)}),
        "a named tuple": Point(NOISE, FLOATS),
        "small objects": [(n, str(n), n / 3) for n in range(50_000)],
        "small objects and arrays": [(n, FLOATS[n * 100 :][:40_000]) for n in range(40)],
        "parts of 64 KiB": [NOISE[n:][: (1 << 16) + n - 3].tobytes() for n in range(7)],
        "parts of 256 KiB": [NOISE[n:][: (1 << 18) + n - 3].tobytes() for n in range(7)],
        "one that compresses": {"array": PACKED, "bytes": PACKED.tobytes()},
        "objects in an array": np.array([None, FLOATS, "a"], object),
        "numbers of other types": [decimal.Decimal(n) / 3 for n in range(20_000)],
        "a set": set(range(60_000)),
        "a frame": pd.DataFrame({"a": FLOATS, "b": np.arange(100_000) % 1000}),
        "a frame of objects": pd.DataFrame({"a": [str(n) for n in range(50_000)], "b": FLOATS[:50_000]}),
        "frames in a list": [pd.DataFrame(FLOATS.reshape(1000, 100)), pd.Series(FLOATS)],
        "instructions of pickles": [NOISE.tobytes() + bytes([0x97, 0x98, 0x95, 0x96]) * 100_000, "\x97" * 9],
    }


@pytest.mark.parametrize("name", nested())
def test_a_value_with_large_parts_is_what_pickle_gives(jugdir: str, name: str) -> None:
    """The same flags, identities and types; and the file is a pickle that anybody can load."""
    value = nested()[name]
    path = saved(jugdir, value)
    plain = pickle.loads(pickle.dumps(value, 5))
    back = loaded(jugdir)
    if isinstance(value, list) and all(isinstance(part, pd.DataFrame | pd.Series) for part in value):
        assert all(one.equals(other) for one, other in zip(back, plain, strict=True))
    else:
        assert is_same(back, plain)
    if isinstance(value, list) and len(value) == 2:
        assert (back[0] is back[1]) == (plain[0] is plain[1])
    contents = path.read_bytes()
    if contents[:2] == b"\x80\x05":
        assert contents == pickle.dumps(value, 5) or is_same(pickle.loads(contents), plain)


@pytest.mark.parametrize("library", [pl.DataFrame, pd.DataFrame])
def test_a_large_frame_comes_back(jugdir: str, library: Callable[..., Any]) -> None:
    """As a file of its library's, or a pickle."""
    frame = library({"a": FLOATS, "b": np.arange(100_000)})
    saved(jugdir, frame)
    back = loaded(jugdir)
    assert type(back) is type(frame)
    assert back.equals(frame)


def test_what_can_be_changed_of_a_loaded_value_changes_nothing_else(jugdir: str) -> None:
    """Neither what is stored nor another copy."""
    value = {"array": FLOATS, "raw": bytearray(NOISE.tobytes()), "fixed": NOISE.tobytes()}
    saved(jugdir, value)
    store = _native.Store(jugdir)
    one, other = store.load(KEY), store.load(KEY)
    one["array"] += 1
    one["raw"].extend(b"more")
    del one["raw"][:100]
    assert is_same(other, pickle.loads(pickle.dumps(value, 5)))
    assert is_same(store.load(KEY), other)


RAN: list[str] = []


def note(what: str) -> str:
    """Something with an effect."""
    RAN.append(what)
    return what


class Noting:
    """An object whose pickle runs code."""

    def __reduce__(self) -> tuple[object, ...]:
        return note, ("ran",)


def test_no_code_of_a_damaged_pickle_runs(jugdir: str) -> None:
    """The checksum is compared before, however much of the pickle is sound."""
    path = saved(jugdir, [Noting(), NOISE.tobytes(), Noting()])
    assert loaded(jugdir)[0] == "ran"
    sound = path.read_bytes()
    RAN.clear()
    for place in (3, 40, len(sound) // 2, len(sound) - 1):
        path.write_bytes(sound[:place] + bytes([sound[place] ^ 1]) + sound[place + 1 :])
        with pytest.raises(_native.DamagedResult):
            loaded(jugdir)
    assert RAN == []


DAMAGED = {
    "array": FLOATS,
    "array that compresses": PACKED,
    "array with fields": structured(4000),
    "dict of arrays": {"x": FLOATS, "y": NOISE},
    "bytes": NOISE.tobytes(),
    "small objects": [(n, str(n), n / 3) for n in range(30_000)],
    "polars": pl.DataFrame({"a": FLOATS}),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_change_of_any_byte_and_a_cut_anywhere_are_noticed(jugdir: str, kind: str) -> None:
    """Each byte of the beginning, where there is most to go wrong, the last ones, and some between."""
    path = saved(jugdir, DAMAGED[kind])
    sound = path.read_bytes()
    length = len(sound)
    places = {*range(140), *range(0, length, length // 40), *range(length - 10, length)}
    for place in sorted(places):
        changed = bytearray(sound)
        changed[place] ^= 1 << (place % 8)
        for damaged in (changed, sound[:place]):
            path.write_bytes(damaged)
            with pytest.raises(_native.DamagedResult):
                loaded(jugdir)
    path.write_bytes(sound)
    loaded(jugdir)


def test_a_head_that_asks_for_objects_gets_none(jugdir: str) -> None:
    """Where numbers of a damaged file would become addresses."""
    path = saved(jugdir, FLOATS)
    sound = path.read_bytes()
    assert sound.count(b"'<f8'") == 1
    for text in (b"'|O' ", b"'|O8'", b"'T'  ", b"[[[[[", b"'<f4'", b"'<U2'"):
        path.write_bytes(sound.replace(b"'<f8'", text))
        with pytest.raises(_native.DamagedResult):
            loaded(jugdir)


def test_threads_load_and_store_large_values_at_the_same_time(jugdir: str) -> None:
    """Of one store, the same ones and others."""
    store = _native.Store(jugdir)
    values: list[Any] = [FLOATS, {"x": NOISE, "n": 1}, NOISE.tobytes(), PACKED]
    plain = [
        values[0].copy(),
        *(pickle.loads(pickle.dumps(value, 5)) for value in values[1:3]),
        values[3].copy(),
    ]
    wrong: list[object] = []

    def work(first: int) -> None:
        for turn in range(8):
            number = (first + turn) % len(values)
            key = bytes([first, number]) * 16
            store.save(key, values[number])
            for stored in (key, bytes([number]) * 32):
                if not is_same(store.load(stored), plain[number]):
                    wrong.append((first, turn))

    for number, value in enumerate(values):
        store.save(bytes([number]) * 32, value)
    threads = [threading.Thread(target=work, args=(first,)) for first in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


PEAK = """
import resource, sys
import numpy
from jug import _native

store = _native.Store(sys.argv[1])
store.load(bytes(32))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
value = store.load(bytes([1]) * 32)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""

BIG = 64 * MEGABYTE


def big(kind: str) -> object:
    """A value of 64 MiB."""
    noise = np.resize(NOISE, BIG)
    values = {
        "array": lambda: noise,
        "array that compresses": lambda: np.resize(PACKED, BIG),
        "dict of arrays": lambda: {"x": noise[: BIG // 2], "y": noise[BIG // 2 :]},
        "bytes": lambda: [noise.tobytes()],
        "bytearray": lambda: bytearray(noise.tobytes()),
    }
    return values[kind]()


@pytest.mark.parametrize("kind", ["array", "array that compresses", "dict of arrays", "bytes", "bytearray"])
def test_a_large_value_is_in_memory_only_once_while_it_is_loaded(jugdir: str, kind: str) -> None:
    """The process never has more than the value and a few megabytes."""
    store = _native.Store(jugdir)
    store.save(bytes(32), FLOATS)
    store.save(bytes([1]) * 32, big(kind))
    store.close()
    done = subprocess.run([sys.executable, "-c", PEAK, jugdir], check=True, capture_output=True, text=True)
    assert int(done.stdout) < BIG + 8 * MEGABYTE


STORE_PEAK = """
import resource, sys
import numpy
from jug import _native

store = _native.Store(sys.argv[1])
store.save(bytes(32), {"array": numpy.random.default_rng(0).integers(0, 256, 1 << 20, "u1")})
noise = numpy.random.default_rng(0).integers(0, 256, 64 << 20, "u1")
value = {"array": noise} if sys.argv[2] == "array" else {"raw": bytearray(noise)}
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
store.save(bytes([1]) * 32, value)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


@pytest.mark.parametrize("kind", ["array", "bytearray"])
def test_large_parts_are_stored_without_a_copy_of_them(jugdir: str, kind: str) -> None:
    """What is pickled is written from where it is."""
    done = subprocess.run(
        [sys.executable, "-c", STORE_PEAK, jugdir, kind], check=True, capture_output=True, text=True
    )
    assert int(done.stdout) < 8 * MEGABYTE


class Slotted:
    """An object that does not show what is in it."""

    __slots__ = ("part",)

    def __init__(self, part: object) -> None:
        self.part = part


def test_objects_that_do_not_show_their_large_parts_come_back_each_time(jugdir: str) -> None:
    """The first of a type is pickled in one piece, those after it in several; small ones then, too."""
    store = _native.Store(jugdir)
    for number, part in enumerate([FLOATS, FLOATS, NOISE, 1, None]):
        store.save(bytes([number]) * 32, [Slotted(part), {"in": Slotted(part)}])
        back = store.load(bytes([number]) * 32)
        assert is_same(back[0].part, pickle.loads(pickle.dumps(part, 5)))
        assert is_same(back[1]["in"].part, back[0].part)


def test_a_value_that_holds_itself_comes_back(jugdir: str) -> None:
    """Beside a large part."""
    value: list[Any] = [{}, NOISE.tobytes()]
    value[0]["self"] = value
    saved(jugdir, value)
    back = loaded(jugdir)
    assert back[0]["self"] is back
    assert back[1] == value[1]


def test_a_part_cannot_be_made_shorter_while_it_is_written(jugdir: str) -> None:
    """A thread of the task's gets an error of Python's, or what is stored is what was there before."""
    store = _native.Store(jugdir)
    raw = bytearray(NOISE.tobytes())
    stop = threading.Event()

    def shorten() -> None:
        while not stop.is_set():
            try:
                raw.append(0)
                raw.pop()
            except BufferError:
                pass

    thread = threading.Thread(target=shorten)
    thread.start()
    try:
        for number in range(10):
            store.save(bytes([number]) * 32, [raw])
            (back,) = store.load(bytes([number]) * 32)
            assert back[: len(NOISE)] == NOISE.tobytes()
    finally:
        stop.set()
        thread.join()


def test_what_cannot_be_pickled_in_pieces_raises_what_pickle_raises(jugdir: str) -> None:
    """Also behind large parts, and nothing is stored then."""
    store = _native.Store(jugdir)
    with pytest.raises((pickle.PicklingError, TypeError, AttributeError)):
        store.save(KEY, [NOISE.tobytes(), lambda: None])
    assert not store.contains(KEY)


class Shared:
    """An object that is pickled through memory which all of its class use, one after the other."""

    WORK = bytearray(100_000)
    ARRAY = np.zeros(100_000, "u1")

    def __init__(self, number: int, kind: str) -> None:
        self.number, self.kind = number, kind

    def __reduce__(self) -> tuple[object, ...]:
        if self.kind == "array":
            self.ARRAY[:] = self.number
            return first_of, (self.ARRAY[:],)
        self.WORK[:] = bytes([self.number]) * len(self.WORK)
        if self.kind == "buffer":
            return first_of, (pickle.PickleBuffer(self.WORK),)
        return first_of, (self.WORK,)


def first_of(memory: bytes) -> int:
    """What one `Shared` is loaded as."""
    return bytes(memory)[0]


@pytest.mark.parametrize("count", [3, 40, 60])
@pytest.mark.parametrize("kind", ["array", "buffer"])
def test_parts_that_use_memory_one_after_the_other_are_stored_as_each_was(
    jugdir: str, kind: str, count: int
) -> None:
    """What the pickler is given may be used again as soon as it has taken it."""
    store = _native.Store(jugdir)
    value = [np.zeros(100_000, "u1"), *(Shared(number, kind) for number in range(count))]
    for _ in range(2):
        store.save(KEY, value)
        assert store.load(KEY)[1:] == list(range(count))


class Emptied:
    """An object that empties a bytearray when it is pickled."""

    def __init__(self, memory: bytearray) -> None:
        self.memory = memory

    def __reduce__(self) -> tuple[object, ...]:
        self.memory.clear()
        return int, ()


def test_the_pickling_of_a_part_may_change_the_length_of_another_one(jugdir: str) -> None:
    store = _native.Store(jugdir)
    memory = bytearray(b"x" * 200_000)
    store.save(KEY, [memory, Emptied(memory)])
    assert store.load(KEY) == [bytearray(b"x" * 200_000), 0]
