"""An array class with a pickle of its own that leaves out what has none, as the columns of astropy have."""

import weakref

import numpy as np

from jug import TaskGenerator


class Table:
    pass


class Column(np.ndarray):
    def __new__(cls, values, table=None):
        self = np.asarray(values).view(cls)
        self._table = table and weakref.ref(table)
        return self

    def __array_finalize__(self, other):
        self._table = getattr(other, "_table", None)

    def __reduce__(self):
        return Column, (np.asarray(self),)


@TaskGenerator
def total(column):
    return int(column.sum())


table = Table()
out = total(Column([1, 2], table))
