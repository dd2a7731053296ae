"""Different functions under one name, with equal arguments."""

from jug import Task, TaskGenerator


class Model:
    def __init__(self, slope):
        self.slope = slope

    def at(self, x):
        return self.slope * x


def power(n):
    @TaskGenerator
    def raised(x):
        return x**n

    return raised


@TaskGenerator
def step(x):
    return "first"


first = step(1)


@TaskGenerator
def step(x):
    return "second"


out = [Task(Model(1).at, 5), Task(Model(2).at, 5), power(2)(3), power(3)(3), first, step(1)]
