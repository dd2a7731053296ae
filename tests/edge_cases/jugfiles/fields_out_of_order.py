"""Columns of a structured array in another order: pickle takes such a view, the format of numpy does not."""

import numpy as np

from jug import TaskGenerator

rows = np.array([(1, 2.5), (2, 3.5)], dtype=[("id", "i8"), ("v", "f8")])


@TaskGenerator
def swap(r):
    return r[["v", "id"]]


@TaskGenerator
def in_list(r):
    return [r[["v", "id"]]]


out = [swap(rows), in_list(rows)]
