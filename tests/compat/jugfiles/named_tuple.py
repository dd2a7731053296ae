"""A list of another class that holds a task cannot be made again; a named tuple without tasks is a value like any other."""
# differs: 1 one line instead of the usage and a traceback
# differs: 2 the same
# run: execute --keep-going --nr-wait-cycles 1 --wait-cycle-time 0.2
# run: status

from collections import namedtuple

from jug import TaskGenerator

Pair = namedtuple("Pair", "a b")


class Numbers(list):
    """A list with a name."""


@TaskGenerator
def add(pair):
    return pair[0] + pair[1]


@TaskGenerator
def one():
    return 1


plain = add((1, 2))
named = add(Pair(1, 2))
held = add(Numbers([one(), 2]))
