"""A jugfile that passes results on, behind a barrier: their pickles are in the keys of jug 2.7."""

import datetime

import numpy as np
import pandas as pd

from jug import Task, barrier, value

DAYS = pd.date_range("2020", periods=3)
RESULTS = {
    "numbers": lambda: pd.DataFrame({"n": [1, 2, 3], "f": [1.0, 2.0, 3.0]}),
    "numbered columns": lambda: pd.DataFrame({1: pd.array([1, None], dtype="Int64")}),
    "categories": lambda: pd.DataFrame({1: pd.Categorical([1, 2, 1])}),
    "periods": lambda: pd.DataFrame({1: pd.period_range("2020", periods=3, freq="M")}),
    "bytes": lambda: pd.DataFrame({1: pd.Series([b"a", b"b"], dtype=object)}),
    "dates": lambda: pd.DataFrame({1: pd.Series([datetime.date(2020, 1, 1)] * 2, dtype=object)}),
    "times": lambda: pd.DataFrame({1: DAYS - DAYS[0]}),
    "rows": lambda: pd.DataFrame({"a": [1, 2, 3]}, index=DAYS),
    "fortran": lambda: np.asfortranarray(np.arange(6).reshape(2, 3)),
    "masked": lambda: np.ma.array([1, 2], mask=[0, 1]),
    "list": lambda: [np.asfortranarray(np.arange(6).reshape(2, 3)), np.arange(3)],
    "scalar": lambda: np.float64(1.5),
}


def made(name):
    return RESULTS[name]()


def tagged(x, tag):
    return tag


results = {name: Task(made, name) for name in RESULTS}
barrier()
alone = [Task(tagged, value(result), name) for name, result in results.items()]
within = [Task(tagged, [value(result)], f"{name} in a list") for name, result in results.items()]
parts = Task(tagged, value(results["list"][1]), "part")
