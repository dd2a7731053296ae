"""Arguments that look constant, but hold the state of a global random generator or a uuid."""

import random

import numpy as np
import scipy.stats

from jug import TaskGenerator


@TaskGenerator
def tail(distribution):
    return float(distribution.sf(1))


@TaskGenerator
def simulate(draw, n):
    return n


out = [tail(scipy.stats.norm(0, 1)), simulate(np.random.normal, 3), simulate(random.gauss, 3)]
try:
    import numba
except ImportError:
    pass
else:

    @numba.njit
    def square(x):
        return x * x

    out.append(simulate(square, 5))
