"""What tasks and the jugfile print goes where they print it."""
# run: status
# run: execute
# run: execute
# stderr: to stderr

import sys

from jug import TaskGenerator

print("loading")


@TaskGenerator
def say(x):
    print("task", x)
    print("to stderr", file=sys.stderr)
    return x


said = say(1)
