"""Arguments that change after the task was made, or while another task runs."""

import numpy as np

from jug import TaskGenerator


@TaskGenerator
def seed(config):
    return config["seed"]


@TaskGenerator
def centre(x):
    x -= x.mean()
    return float(x.sum())


@TaskGenerator
def total(x):
    return float(x.sum())


@TaskGenerator
def dot(pairs):
    return sum(a * b for a, b in pairs)


@TaskGenerator
def pairs(p):
    return len(list(p))


config, reused = {}, []
for n in range(3):
    config["seed"] = n
    reused.append(seed(config))
x = np.arange(4.0)
z = zip([1, 2, 3], [4, 5, 6], strict=True)
out = [reused, centre(x), total(x), dot(z), pairs(z)]
