"""A task that raises ends the run with status 1; what it depends on stays, what depends on it waits."""
# run: execute --nr-wait-cycles 1 --wait-cycle-time 0.2
# run: status
# run: status --short
# run: check
# run: execute --nr-wait-cycles 1 --wait-cycle-time 0.2
# run: cleanup
# run: status
# stderr: three is too many

from jug import TaskGenerator


@TaskGenerator
def work(i):
    if i == 3:
        raise ValueError("three is too many")
    return i


@TaskGenerator
def total(numbers):
    return sum(numbers)


numbers = [work(i) for i in range(4)]
everything = total(numbers)
