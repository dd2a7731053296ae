"""bvalue in the middle of the jugfile, also of a list of tasks."""
# values: stage chosen everything

from jug import TaskGenerator, bvalue


@TaskGenerator
def score(x):
    return (x - 3) ** 2


@TaskGenerator
def pick(scores):
    return min(range(len(scores)), key=scores.__getitem__)


@TaskGenerator
def refine(x):
    return x / 10


scores = [score(i) for i in range(6)]
chosen = bvalue(pick(scores))
everything = bvalue(scores)
stage = [refine(chosen + delta) for delta in (-1, 0, 1)]
