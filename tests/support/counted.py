"""Jugfiles that tell how often each of their tasks ran, and waiting for processes that run them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
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


def wait_for(condition: Callable[[], object], what: str) -> None:
    """Waits for another process; fails loudly instead of hanging."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.005)
