"""A jugfile with texts in frames, which pandas keeps in Arrow's memory where pyarrow is installed."""

import pandas as pd

from jug import Task, barrier


def tagged(x, tag):
    return tag


MAKERS = {
    "frame": lambda: pd.DataFrame({"word": ["x", "y", None]}),
    "labels": lambda: pd.DataFrame({"number": [1, 2]}),
    "series": lambda: pd.Series(["a", "b"]),
    "index": lambda: pd.Index(["a", "b"]),
    "string": lambda: pd.array(["a", None], dtype="string"),
    "categories": lambda: pd.Categorical(["a", "b"]),
    "levels": lambda: pd.MultiIndex.from_product([[1, 2], ["a", "b"]]),
    "number": lambda: 5,
}
shared = pd.DataFrame({"word": ["x", "y", None], "number": pd.array([1, None, 3], dtype="Int64")})
first = [Task(tagged, make(), f"{name} before") for name, make in MAKERS.items()]
first.append(Task(tagged, [shared], "shared before"))
barrier()
behind = [Task(tagged, make(), f"{name} behind") for name, make in MAKERS.items()]
behind.append(Task(tagged, {"shared": shared}, "shared behind"))
