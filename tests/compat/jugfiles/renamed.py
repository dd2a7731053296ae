"""A name given to a task before its first hash is part of its identity and of every table."""
# run: status
# run: execute
# run: status
# run: invalidate --name special
# run: status
# run: execute
# run: invalidate --pattern /chosen/
# run: status
# run: execute
# values: plain special other

from jug import Task, TaskGenerator


def work(x):
    return x + 1


@TaskGenerator
def generated(x):
    return x + 2


plain = Task(work, 1)
special = Task(work, 1)
special.name = "a.special"
other = generated(3)
other.name = "chosen-" + other.name
