"""Runs measurements by name, all of them without names, and prints one table."""

import importlib
import sys

from benches import common

ALL = (
    "startup",
    "drain",
    "counts",
    "large",
    "fanout",
    "chain",
    "barriers",
    "kill",
    "pack",
    "adopt",
    "redis",
    "supervised",
    "executors",
    "runforrest",
    "pytask_parallel",
)


def main(names: list[str]) -> None:
    """Prints each measurement as soon as it is there."""
    unknown = set(names) - set(ALL)
    if unknown:
        raise SystemExit(f"no such measurement: {', '.join(sorted(unknown))}; there are {', '.join(ALL)}")
    common.show_head()
    for name in names or ALL:
        common.show(importlib.import_module(f"benches.{name}").main())


main(sys.argv[1:])
