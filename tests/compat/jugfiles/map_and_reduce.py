"""jug.mapreduce: map with steps, indexes and slices of its result, reduce, currymap, mapreduce."""
# values: squares squares[3] squares[-1] squares[2:7] squares[::-2] singles total curried both picked empty_sum

import operator

from jug import TaskGenerator
from jug.mapreduce import currymap, map, mapreduce, reduce


def square(x):
    return x * x


def times(a, b):
    return a * b


@TaskGenerator
def pick(item, some):
    return item, list(some)


squares = map(square, list(range(11)), map_step=3)
singles = map(square, [1, 2, 3], map_step=1)
total = reduce(operator.add, squares, reduce_step=2)
curried = currymap(times, [(i, i + 1) for i in range(9)])
both = mapreduce(operator.add, square, list(range(20)), map_step=4, reduce_step=3)
picked = pick(squares[5], squares[1:6:2])
empty_sum = reduce(operator.add, [5])
