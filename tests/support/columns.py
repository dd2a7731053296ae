"""Types of columns that say less of themselves than they hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa


class Unit(pd.api.extensions.ExtensionDtype):
    """A type of columns whose name does not tell the unit that it holds."""

    name = "measured"
    type = float
    _metadata = ("unit",)

    def __init__(self, unit: str = "m") -> None:
        self.unit = unit

    @classmethod
    def construct_array_type(cls) -> type:
        return Measured


class Measured(pd.api.extensions.ExtensionArray):
    """A column of that type."""

    def __init__(self, values: Any, unit: str) -> None:
        self.values, self.unit = np.asarray(values, float), unit

    dtype = property(lambda self: Unit(self.unit))
    nbytes = property(lambda self: self.values.nbytes)

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, i: Any) -> Any:
        got = self.values[i]
        return got if np.isscalar(got) else Measured(got, self.unit)

    def isna(self) -> Any:
        return np.isnan(self.values)

    def copy(self) -> Measured:
        return Measured(self.values.copy(), self.unit)

    def take(self, where: Any, *, allow_fill: bool = False, fill_value: Any = None) -> Measured:
        return Measured(self.values.take(where), self.unit)


class Named(pd.DataFrame):
    _metadata = ("name",)
    _constructor = property(lambda self: Named)


class Extended(pa.ExtensionType):
    """A type of Arrow whose name does not tell the unit that it holds."""

    def __init__(self, kind: Any, unit: str) -> None:
        self.unit = unit
        super().__init__(kind, "tests.extended")

    def __arrow_ext_serialize__(self) -> bytes:
        return self.unit.encode()

    @classmethod
    def __arrow_ext_deserialize__(cls, kind: Any, unit: bytes) -> Extended:
        return cls(kind, unit.decode())

    def __reduce__(self) -> Any:
        return Extended, (self.storage_type, self.unit)


class MyFrame(pl.DataFrame):
    pass


class MySeries(pl.Series):
    pass
