"""Behind a barrier the number of tasks depends on a result."""
# values: many

from jug import TaskGenerator, barrier, value


@TaskGenerator
def how_many():
    return 4


@TaskGenerator
def item(i):
    return i + 100


n = how_many()
barrier()
many = [item(i) for i in range(value(n))]
