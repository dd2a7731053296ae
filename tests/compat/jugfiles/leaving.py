"""SystemExit in a task ends the worker."""
# run: execute --nr-wait-cycles 1 --wait-cycle-time 0.2
# run: status
# run: execute --nr-wait-cycles 1 --wait-cycle-time 0.2
# run: status
# status-differs: 1 it is a failure of that task, status 1 and not the task's
# status-differs: 3 the same

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
