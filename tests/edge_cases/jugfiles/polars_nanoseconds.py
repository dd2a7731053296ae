"""Times that differ by less than a microsecond."""

import polars

from jug import TaskGenerator


@TaskGenerator
def width(times):
    first, last = times.cast(polars.Int64)
    return last - first


def times(*ns):
    return polars.Series("t", ns, dtype=polars.Int64).cast(polars.Datetime("ns"))


out = [width(times(100, 350)), width(times(100, 900))]
