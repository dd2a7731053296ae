"""What scripts and tools call beside the commands."""
# run: @python try_tools.py
# script: try_tools.py

from jug import TaskGenerator


@TaskGenerator
def half(x):
    return x // 2


@TaskGenerator
def add(xs):
    return [sum(xs), len(xs)]


halves = [half(i) for i in (2, 4, 6)]
last = add(halves)
