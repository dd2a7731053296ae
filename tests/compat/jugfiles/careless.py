"""A function that changes the containers it gets harms nobody else."""
# values: first second shared

from jug import TaskGenerator


@TaskGenerator
def make():
    return [1, 2, 3]


@TaskGenerator
def consume(items, extra):
    items.append(len(items))
    extra["seen"] = True
    return items, extra


made = make()
shared = {"a": [1]}
first = consume([made, 5], shared)
second = consume([made, 5, 6], shared)
