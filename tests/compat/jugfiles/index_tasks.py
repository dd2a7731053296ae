"""The result of a task as the index into that of another."""
# run: status
# run: execute
# run: status
# values: chosen both

from jug import TaskGenerator


@TaskGenerator
def index():
    return 2


@TaskGenerator
def numbers():
    return list(range(10))


@TaskGenerator
def double(x):
    return 2 * x


where = index()
chosen = double(numbers()[where])
both = double(numbers()[double(where)])
