"""Equal Arrow arrays and tables that differ in their slices and chunks only."""

import pyarrow

from jug import TaskGenerator


@TaskGenerator
def total(x):
    return len(x)


out = [
    total(pyarrow.array([1, 2])),
    total(pyarrow.array([0, 1, 2, 3])[1:3]),
    total(pyarrow.table({"a": [1, 2]})),
    total(pyarrow.concat_tables([pyarrow.table({"a": [1]}), pyarrow.table({"a": [2]})])),
]
