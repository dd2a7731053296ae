"""Workers that are forked: how tests start them, and see what was imported."""

from __future__ import annotations

__all__ = ["BARRIERS", "EXECUTE", "FORKED", "NOTED", "imports"]

EXECUTE = ("execute", "--will-cite")

FORKED = (*EXECUTE, "--start-method=forkserver")

#: A module whose import is written down.
NOTED = """
    import os
    with open("imports", "a") as file:
        file.write(f"{__name__}\\n")
"""

BARRIERS = """
    import heavy
    import time
    from jug import TaskGenerator, barrier

    @TaskGenerator
    def work(i):
        time.sleep(0.05)
        return i

    for stage in range(5):
        [work((stage, i)) for i in range(8)]
        barrier()
"""


def imports(jug):
    """How often each module was imported."""
    names = (jug.folder / "imports").read_text().split()
    return {name: names.count(name) for name in set(names)}
