"""A jugfile that raises while it loads shows the user's traceback and ends with status 1."""
# run: status
# run: execute
# run: check
# run: count
# differs: 1 the traceback is on stderr here
# differs: 2 the same
# differs: 3 the same
# differs: 4 the same
# stderr: ZeroDivisionError

from jug import TaskGenerator


@TaskGenerator
def work(x):
    return x


work(1)
1 / 0
