"""Jugfiles that tell how often each of their tasks ran, and waiting for processes that run them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

#: A jugfile whose tasks write a line each time they run.
COUNTED = """
    import os, time
    from jug import TaskGenerator

    def note(what):
        with open('ran.log', 'a') as log:
            log.write(f'{what}\\n')

    @TaskGenerator
    def step(x, seconds=0):
        note(x)
        time.sleep(seconds)
        return x

    @TaskGenerator
    def total(xs):
        note('total')
        return sum(xs)
"""


def ran(folder: Path) -> Counter[str]:
    """How often each task ran."""
    log = folder / "ran.log"
    return Counter(log.read_text().split()) if log.exists() else Counter()
