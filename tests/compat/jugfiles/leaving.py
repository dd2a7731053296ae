"""SystemExit in a task ends the worker with its status."""
# run: execute --nr-wait-cycles 1 --wait-cycle-time 0.2
# run: status
# run: execute --nr-wait-cycles 1 --wait-cycle-time 0.2
# run: status

import sys

from jug import TaskGenerator


@TaskGenerator
def work(i, before):
    if i == 1:
        sys.exit(7)
    return i


numbers = []
for i in range(3):
    numbers.append(work(i, numbers[-1:]))
