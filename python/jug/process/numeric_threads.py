"""How many threads numeric libraries use: said by variables that they read when they are imported."""

from __future__ import annotations

import os

__all__ = ["thread_variables"]

_VARIABLES = (
    *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS"),
    *("VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS", "NUMBA_NUM_THREADS", "POLARS_MAX_THREADS"),
)


def thread_variables(threads: int) -> dict[str, str]:
    """The variables to set in a worker that is to use so many, but for those that the user has set."""
    return {name: str(threads) for name in _VARIABLES if name not in os.environ}
