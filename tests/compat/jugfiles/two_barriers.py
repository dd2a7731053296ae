"""Two barriers: the jugfile is read three times, and what its top level does, it does each time."""
# values: last
# run: status
# run: execute --aggressive-unload
# run: status
# run: count
# run: invalidate --name middle
# run: status
# run: execute
# run: status

from jug import TaskGenerator, barrier, value


@TaskGenerator
def first(i):
    return i + 1


@TaskGenerator
def middle(total, i):
    return total * i


@TaskGenerator
def finish(numbers):
    return sorted(numbers)


start = [first(i) for i in range(3)]
barrier()
total = sum(value(start))
between = [middle(total, i) for i in range(total % 4 + 2)]
barrier()
biggest = max(value(between))
last = finish([*between, biggest])
