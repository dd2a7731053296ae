"""`jug demo`: a directory with a small jugfile to try things out."""

from __future__ import annotations

import os
from typing import Any

from ..cli.registry import SubCommand
from ..errors import UserError

__all__ = ["DemoCommand", "demo"]

_DIRECTORY = "jug-demo"
_FILE = "primes.py"
_JUGFILE = '''\
"""Which numbers below 100 are prime, and how many of them end in each digit."""

from collections import Counter
from time import sleep

from jug import TaskGenerator


@TaskGenerator
def is_prime(n):
    sleep(0.2)  # as if this were hard work
    return n > 1 and all(n % d for d in range(2, int(n**0.5) + 1))


@TaskGenerator
def count_last_digits(flags):
    return Counter(n % 10 for n, flag in enumerate(flags) if flag)


@TaskGenerator
def write(counts, path):
    with open(path, "w") as output:
        output.write(f"{sum(counts.values())} primes below 100\\n")
        for digit, count in sorted(counts.items()):
            output.write(f"{count:3} end in {digit}\\n")


# Calling a TaskGenerator computes nothing: it notes down a task, and what the task depends on.
flags = [is_prime(n) for n in range(100)]
write(count_last_digits(flags), "output.txt")
'''
_NEXT_STEPS = """\
Made the directory {directory} with the jugfile {file}. Now try

    cd {directory}
    jug status {file}       # 100 tasks are ready, two wait for them
    jug execute {file}      # 20 seconds of work
    cat output.txt

For more speed start several: they share the tasks.

    jug execute {file} &
    jug execute {file} &

Run 'jug execute {file}' once more: all is remembered, nothing runs. Change a function, run
'jug invalidate {file} --name NAME' for it, and only what depends on it is computed again.
"""


class DemoCommand(SubCommand):
    """Make a directory with a small jugfile to play with"""

    name = "demo"
    needs_jugfile = False

    def run(self, *args: Any, **kwargs: Any) -> int:
        """Writes the jugfile and prints the next steps; UserError if the directory exists."""
        try:
            os.mkdir(_DIRECTORY)
            with open(os.path.join(_DIRECTORY, _FILE), "x", encoding="utf-8") as output:
                output.write(_JUGFILE)
        except FileExistsError:
            raise UserError(f"{_DIRECTORY} exists already; remove it or go to another directory") from None
        except OSError as error:
            raise UserError(f"cannot create {_DIRECTORY}: {error.strerror}") from None
        print_out = kwargs["options"].print_out if "options" in kwargs else print
        print_out(_NEXT_STEPS.format(directory=_DIRECTORY, file=_FILE))
        return 0


demo = DemoCommand()
