"""With --keep-going the other tasks are run all the same."""
# run: execute --keep-going --nr-wait-cycles 1 --wait-cycle-time 0.2
# run: status
# run: status --short
# run: execute --keep-going --nr-wait-cycles 1 --wait-cycle-time 0.2
# run: cleanup --failed-only
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


numbers = [work(i) for i in range(6)]
everything = total(numbers)
