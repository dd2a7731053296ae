"""Compound tasks: inner tasks while they run, one pseudo-task afterwards."""
# values: results single
# differs: 7 what ran inside of compound tasks is invalidated, too
# differs: 8 the same
# differs: 9 the same

from jug import CompoundTask, CompoundTaskGenerator, TaskGenerator
from jug.mapreduce import map, reduce


@TaskGenerator
def step(x, y):
    return x + y


@CompoundTaskGenerator
def pipeline(n):
    partial = [step(i, i) for i in range(n)]
    return step(partial[0], step(partial[1], partial[2]))


def square(x):
    return x * x


def add(a, b):
    return a + b


def sum_of_squares(limit):
    return reduce(add, map(square, list(range(limit))))


results = [pipeline(3), pipeline(4)]
single = CompoundTask(sum_of_squares, 10)
