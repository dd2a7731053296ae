"""Callables other than plain functions: classes, static methods, instances of the user's own class."""
# values: made counted staticly

from jug import Task, TaskGenerator


class Scale:
    def __init__(self, factor):
        self.factor = factor

    @staticmethod
    def twice(x):
        return 2 * x


@TaskGenerator
def apply(scale, x):
    return scale.factor * x


made = Task(dict, a=1)
counted = [apply(Scale(f), 10) for f in (1, 2)]
staticly = Task(Scale.twice, 4)
