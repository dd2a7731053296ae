"""A named tuple that holds a task cannot be rebuilt; without tasks it is a value like any other."""
# differs: 1 one line instead of the usage and a traceback
# differs: 2 the same
# run: execute --keep-going --nr-wait-cycles 1 --wait-cycle-time 0.2
# run: status

from collections import namedtuple

from jug import TaskGenerator

Pair = namedtuple("Pair", "a b")


@TaskGenerator
def add(pair):
    return pair[0] + pair[1]


@TaskGenerator
def one():
    return 1


plain = add((1, 2))
held = add(Pair(one(), 2))
