"""Explicit Task objects: builtins, partial functions, functions of other modules, keywords."""
# values: total joined two_to powered power_again ordered
# run: status
# run: execute
# run: status
# run: invalidate --name pow
# run: status
# run: execute
# run: status --short

import math
import operator
from functools import partial

from jug import Task

values = [Task(operator.mul, i, i) for i in range(4)]
total = Task(sum, values)
joined = Task(",".join, ["a", "b"])
two_to = partial(pow, 2)
powered = Task(two_to, 5)
power_again = Task(pow, 2, 5)
two_to = Task(math.ldexp, 1.0, 10)
ordered = Task(sorted, [3, 1, 2], reverse=True)
