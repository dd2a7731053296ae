"""Execution stops after the task that creates the agreed file, and goes on when it is gone."""
# run: execute
# run: status
# run: @python remove.py
# run: execute
# run: status
# file: remove.py = import os\nos.remove("stop.txt")
# values: numbers

import os

from jug import TaskGenerator
from jug.hooks.exit_checks import exit_if_file_exists

exit_if_file_exists("stop.txt")


@TaskGenerator
def number(i, before):
    if i == 2 and not os.path.exists("stopped.txt"):
        for name in ("stop.txt", "stopped.txt"):
            with open(name, "w") as out:
                out.write("stop\n")
    return i


numbers = []
for i in range(5):
    numbers.append(number(i, numbers[-1:]))
