"""Runs measurements by name, all of them without names, prints one table and writes docs/performance.md."""

import argparse
import importlib
import sys
from pathlib import Path

from benches import common, page
from jug import _native

ALL = (
    "startup",
    "drain",
    "throughput",
    "million",
    "memory",
    "overhead",
    "counts",
    "large",
    "large_values",
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
    "peers",
)


def main() -> int:
    """Prints each measurement as soon as it is there, and replaces its section of the page.

    One that fails is named, and the others go on; the exit status is 1 then.
    """
    parser = argparse.ArgumentParser(prog="./dev bench")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(ALL)}; by default all")
    parser.add_argument("--base", type=Path, metavar="DIR", help="a checkout with an earlier build")
    parser.add_argument("--base-commit", metavar="ID", help="its commit, where it is no checkout of git")
    parser.add_argument("--page", type=Path, metavar="FILE", default=page.PAGE, help="written; %(default)s")
    options = parser.parse_args()
    unknown = set(options.names) - set(ALL)
    if unknown:
        parser.error(f"no such measurement: {', '.join(sorted(unknown))}; there are {', '.join(ALL)}")
    if not options.page.is_file():
        parser.error(f"there is no page {options.page}")
    if not _native.IS_OPTIMIZED and common.SCALE == 1:
        parser.error("this is a debug build; ./dev bench NAME measures the other one")
    if options.base is not None:
        common.set_base(options.base, options.base_commit)
    elif options.base_commit is not None:
        parser.error("--base-commit is of what --base names")
    if page.changed(page.ROOT):
        say(f"the page will say 'with changes': {', '.join(page.changed(page.ROOT))}")
    failed = [name for name in options.names or ALL if not measured(name, options.page)]
    if failed:
        say(f"failed: {', '.join(failed)}")
    return 1 if failed else 0


def measured(name: str, into: Path) -> bool:
    """Runs one measurement, prints it and writes it down; False, and a line that says why, if it failed."""
    try:
        module = importlib.import_module(f"benches.{name}")
        failures: list[str] = []
        left = getattr(module, "LEFT", "jug 2.7.0")
        if hasattr(module, "report"):
            rows, body, failures = module.report()
        else:
            rows = module.main()
            body = page.of_rows(rows, left)
    except common.Failed as error:
        say(f"{name}: {error.line()}")
        return False
    common.show(rows, left)
    for line in failures:
        say(f"{name}: {line}")
    if not body:
        say(f"{name}: nothing was measured, and nothing is written")
    elif not page.write(into, name, body, getattr(module, "WITH_BASE", False)):
        say(f"{name} has no section in {into.name}, so that it is only printed")
    return not failures


def say(text: str) -> None:
    """Prints a line beside the table."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
