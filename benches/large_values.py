"""Values of 20 MB: stored and loaded by a store of a jugdir, beside the same bytes written and read by hand.

The column of the other package shows what is done by hand: a file is read into an array (`readinto`), or read
and given to `pickle.loads`; a value is given to `pickle.dumps`, written, and synced. Both sides run in turns,
and the page cache is warm.
"""

import functools
import itertools
import os
import pickle
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benches import common
from benches.common import Row
from jug import _native

BYTES = common.scaled(20_000_000)
LOADS = common.scaled(51)
STORES = common.scaled(9)
#: What the left column is, on the page.
LEFT = "by hand"


def values() -> dict[str, object]:
    """What is measured, by name."""
    noise = np.random.default_rng(0)
    floats = noise.random(BYTES // 8)
    return {
        "array": floats,
        "array that compresses": noise.integers(0, 1000, BYTES // 8),
        "pickle of two arrays": {"x": floats[::2].copy(), "y": floats[1::2].copy()},
        "pickle of bytes": {"name": "raw", "data": floats.tobytes()},
        "pickle of 200 arrays": np.array_split(floats, 200),
        "pickle of small objects": [(n, str(n), n / 3) for n in range(common.scaled(700_000))],
    }


def seconds(call: Callable[[], object]) -> float:
    """How long a call takes, with the end of what it returns."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def write(path: Path, data: object) -> None:
    """Writes bytes to a file and returns when they are on the disk."""
    with path.open("wb", buffering=0) as file:
        file.write(data)  # type: ignore[arg-type]
        os.fsync(file.fileno())


def read_array(path: Path, like: np.ndarray) -> np.ndarray:
    """Reads a file into a new array."""
    array = np.empty(like.shape, like.dtype)
    with path.open("rb", buffering=0) as file:
        file.readinto(memoryview(array).cast("B"))
    return array


def by_hand(directory: Path, value: object) -> tuple[Callable[[], object], Callable[[], object]]:
    """How a value is stored and loaded without this package.

    Each time in a new file, as in a store: room on a disk that was used before may cost less.
    """
    paths = (directory / str(number) for number in itertools.count())
    first = directory / "0"
    if isinstance(value, np.ndarray):
        return lambda: write(next(paths), value), functools.partial(read_array, first, value)
    return lambda: write(next(paths), pickle.dumps(value, 5)), lambda: pickle.loads(first.read_bytes())


def main() -> list[Row]:
    """Measures every value in turns with what is done by hand."""
    directory = common.fresh("large_values")
    store = _native.Store(str(directory / "jugdata"))
    rows = []
    numbers = itertools.count()
    for name, value in values().items():
        write_it, read_it = by_hand(common.fresh("large_values/by_hand"), value)
        keys: list[bytes] = []

        def save(value: object = value, keys: list[bytes] = keys) -> None:
            keys.append(next(numbers).to_bytes(32, "big"))
            store.save(keys[-1], value)

        pairs = [(seconds(write_it), seconds(save)) for _ in range(STORES)]
        load = functools.partial(store.load, keys[0])
        loads = [(seconds(read_it), seconds(load)) for _ in range(LOADS)]
        is_array = name == "array"
        for what, measured in (("store", pairs), ("load", loads)):
            hand, ours = (common.median(times) * 1000 for times in zip(*measured, strict=True))
            goal = None
            if is_array:
                goal = 1 / 0.6 if what == "load" else None
            elif name.startswith("pickle"):
                goal = 1.5
            rows.append(
                Row(f"{common.number(BYTES / 1e6)} MB {name}, {what} beside by hand", hand, ours, "ms", goal)
            )
        store.remove(keys)
    store.close()
    return rows
