"""Arrays as arguments and results, of several types, also inside containers."""
# values: totals reversed_rows made empty scalar

import numpy as np

from jug import TaskGenerator


@TaskGenerator
def total(array, weights=None):
    return array.sum() if weights is None else (array * weights).sum()


@TaskGenerator
def reverse(array):
    return array[::-1]


@TaskGenerator
def make(n, dtype):
    return {"data": np.arange(n, dtype=dtype), "mask": np.arange(n) % 2 == 0}


grid = np.arange(12.0).reshape(3, 4)
totals = [total(grid), total(grid.T), total(grid[:, ::2]), total(grid, weights=np.ones((3, 4)))]
totals += [total(np.arange(5)), total(np.arange(5, dtype="i2"))]
reversed_rows = reverse(grid)
made = [make(3, "f4"), make(3, ">i4")]
picked = total(made[0]["data"])
empty = reverse(np.zeros((0, 3)))
scalar = total(np.float32(1.5) * np.ones(2, dtype="f4"))
