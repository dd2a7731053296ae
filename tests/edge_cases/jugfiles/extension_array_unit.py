"""A pandas extension array whose dtype holds a unit that its name does not show."""

import numpy as np
import pandas as pd
from pandas.api.extensions import ExtensionArray, ExtensionDtype

from jug import TaskGenerator


class Measured(ExtensionDtype):
    name = "measured"
    type = float
    _metadata = ("unit",)

    def __init__(self, unit="m"):
        self.unit = unit

    @classmethod
    def construct_array_type(cls):
        return MeasuredArray


class MeasuredArray(ExtensionArray):
    def __init__(self, values, unit):
        self.values, self.unit = np.asarray(values, float), unit

    dtype = property(lambda self: Measured(self.unit))
    nbytes = property(lambda self: self.values.nbytes)

    def __len__(self):
        return len(self.values)

    def __getitem__(self, i):
        got = self.values[i]
        return got if np.isscalar(got) else MeasuredArray(got, self.unit)

    def isna(self):
        return np.isnan(self.values)

    def copy(self):
        return MeasuredArray(self.values.copy(), self.unit)

    def take(self, where, *, allow_fill=False, fill_value=None):
        return MeasuredArray(self.values.take(where), self.unit)


@TaskGenerator
def unit_of(column):
    return column.dtype.unit


seconds = unit_of(pd.Series(MeasuredArray([1, 2], "s")))
metres = unit_of(pd.Series(MeasuredArray([1, 2], "m")))
