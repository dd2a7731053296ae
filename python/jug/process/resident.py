"""How much memory a process takes, with all that it started."""

from __future__ import annotations

import os

__all__ = ["resident_of_tree"]

_PAGE = os.sysconf("SC_PAGE_SIZE")


def resident_of_tree(pid: int) -> int:
    """The bytes of memory in which a process and all below it are resident; 0 if there is none."""
    total, left = 0, [pid]
    while left:
        process = left.pop()
        try:
            with open(f"/proc/{process}/statm") as sizes:
                total += int(sizes.read().split()[1]) * _PAGE
            for thread in os.listdir(f"/proc/{process}/task"):
                with open(f"/proc/{process}/task/{thread}/children") as children:
                    left.extend(map(int, children.read().split()))
        except (OSError, IndexError):
            continue  # It has ended meanwhile.
    return total
