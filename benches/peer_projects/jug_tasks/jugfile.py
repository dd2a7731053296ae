"""Tasks of jug 2.7.0, and of this package."""

import os

from jug import TaskGenerator


@TaskGenerator
def odd(i):
    return 2 * i + 1


results = [odd(i) for i in range(int(os.environ["TASKS"]))]
