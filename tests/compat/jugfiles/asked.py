"""The functions behind status and shell, called by a script."""
# run: @python try_status.py
# run: status
# script: try_status.py
# differs: 1 the tasks of a jugfile that is loaded again take the place of those before

from jug import TaskGenerator


@TaskGenerator
def double(x):
    return 2 * x


first = double(1)
doubled = double(first)
more = double(doubled)
