"""Prints the sum of what is in the catalog."""

import os

from task_odd import catalog

print(sum(catalog[str(i)].load() for i in range(int(os.environ["TASKS"]))))
