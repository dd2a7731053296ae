"""JUG_MAX_TASKS ends a run early."""
# env: JUG_MAX_TASKS=2
# run: execute
# run: status
# run: execute --no-check-environment
# run: status

from jug import TaskGenerator


@TaskGenerator
def item(i):
    return i


items = [item(i) for i in range(7)]
