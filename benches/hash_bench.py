"""What keys cost: microseconds per task for common arguments, and gigabytes a second for arrays.

Run it with an optimised build (`maturin develop --release`): `python benches/hash_bench.py`.
"""

import hashlib
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np

from jug import _native
from jug._native import TaskCore

COUNT = 100_000


class Task(TaskCore):
    """A task as jug makes it: a subclass with attributes and weak references."""


def f(*args: object, **kwargs: object) -> None:
    """What the tasks call."""


def best_of(n: int, run: Callable[[], object]) -> float:
    """The shortest of `n` runs, in seconds."""
    times = []
    for _ in range(n):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def per_task(label: str, make: Callable[[int], Task]) -> None:
    """Prints microseconds for making a task and for computing its key."""
    creation, hashing = [], []
    for _ in range(5):
        start = time.perf_counter()
        tasks = [make(n) for n in range(COUNT)]
        made = time.perf_counter()
        for task in tasks:
            task.key()
        creation.append(made - start)
        hashing.append(time.perf_counter() - made)
        del tasks
    us = 1e6 / COUNT
    print(f"{label:32} {min(creation) * us:8.2f} us to make {min(hashing) * us:8.2f} us to key")


def chain() -> Task:
    """The last of a chain of tasks, none of them keyed."""
    task = Task(f, 0)
    for _ in range(COUNT):
        task = Task(f, task)
    return task


def main() -> None:
    """Prints the table."""
    print(f"Python {sys.version.split()[0]}, blake3 over all cores from 1 MiB")
    per_task("f(i, 2.5)", lambda n: Task(f, n, 2.5))
    per_task("f(i)", lambda n: Task(f, n))
    per_task("f('text', key=i)", lambda n: Task(f, "text", key=n))
    per_task("f([i, 'a', None])", lambda n: Task(f, [n, "a", None]))
    per_task("f({'a': i, 'b': 2})", lambda n: Task(f, {"a": n, "b": 2}))
    per_task("f(Path(i))", lambda n: Task(f, Path(str(n))))
    array = np.arange(10)
    per_task("f(i, array of 10)", lambda n: Task(f, n, array))
    ends = [chain() for _ in range(3)]
    start = time.perf_counter()
    ends[0].key()
    print(f"{'a chain, from its end':32} {(time.perf_counter() - start) * 1e6 / COUNT:8.2f} us a task")
    numbers = list(range(1_000_000))
    print(f"{'list of a million ints':32} {best_of(3, lambda: _native.key(numbers)) * 1e3:8.1f} ms")
    words = {f"key {n}": f"value {n}" for n in range(100_000)}
    print(f"{'dict of 100,000 strings':32} {best_of(3, lambda: _native.key(words)) * 1e3:8.1f} ms")
    big = np.random.default_rng(0).random(25_000_000)
    size = big.nbytes / 1e9
    seconds = best_of(3, lambda: _native.key(big))
    print(f"{'array of 200 MB':32} {size / seconds:8.2f} GB/s")
    strided = big.reshape(5000, 5000).T
    print(f"{'the same, transposed':32} {size / best_of(3, lambda: _native.key(strided)):8.2f} GB/s")
    print(f"{'sha1, for comparison':32} {size / best_of(1, lambda: hashlib.sha1(big).digest()):8.2f} GB/s")
    tracemalloc.start()
    kept = [Task(f, n, 2.5) for n in range(1000, 11_000)]
    traced = tracemalloc.get_traced_memory()[0] / len(kept)
    tracemalloc.stop()
    print(f"{'memory of f(i, 2.5)':32} {traced:8.0f} bytes, of which {sys.getsizeof(kept[0])} the object")


if __name__ == "__main__":
    main()
