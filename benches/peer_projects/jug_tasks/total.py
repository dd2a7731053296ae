"""Prints the sum of what is stored."""

import jug

_, names = jug.init("jugfile.py", "results")
print(sum(map(jug.value, names["results"])))
