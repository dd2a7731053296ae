"""With --keep-failed the mark stays until cleanup --failed-only takes it away."""
# run: execute --keep-going --keep-failed --nr-wait-cycles 1 --wait-cycle-time 0.2
# run: status
# run: status --short
# run: check
# run: execute --keep-going --nr-wait-cycles 1 --wait-cycle-time 0.2
# run: status
# run: cleanup --failed-only
# run: status
# run: execute --keep-going --nr-wait-cycles 1 --wait-cycle-time 0.2
# run: status
# stderr: three is too many
# status-differs: 5 what is left cannot run, because a task is marked as failed: that is not done

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
