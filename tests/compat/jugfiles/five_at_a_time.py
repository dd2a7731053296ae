"""exit_after_n_tasks: every run does a few tasks and leaves the rest to the next."""
# run: execute
# run: status
# run: execute
# run: status
# run: execute
# run: execute
# run: status
# values: items

from jug import TaskGenerator
from jug.hooks.exit_checks import exit_after_n_tasks

exit_after_n_tasks(3)


@TaskGenerator
def item(i):
    return i


items = [item(i) for i in range(8)]
