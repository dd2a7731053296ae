"""``python -m tests.mutants [NAMES]``: applies each patch to a copy of the tree and runs the tests it names.

A mutant is noticed if each of its tests fails, or does not end. The copy is below ``target/``, and so is what
is built of it, where what no patch changes is built only once; names may be beginnings of names. ``--table``
prints the table for docs/reliability.md.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.mutants.patches import Patch, read_all, table
from tests.support.paths import ROOT

COPY = ROOT / "target" / "mutants" / "tree"
#: Not where the tree is built: cargo goes by times and relative paths, and would take a mutant for it.
BUILT = ROOT / "target" / "mutants" / "built"
_LEFT_OUT = shutil.ignore_patterns(
    "target", ".git", ".venv", ".ref-venv", ".peers-venv", "__pycache__", ".*_cache", "*.jugdata"
)
#: Seconds after which a test does not end.
_PATIENCE = 120


def main() -> int:
    """Tries the mutants that were asked for; 1 if one of them is not noticed."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.mutants", description="see whether tests notice mutants"
    )
    parser.add_argument("names", nargs="*", help="beginnings of the names of patches (default: all)")
    parser.add_argument("--table", action="store_true", help="print the table of all mutants, and try none")
    parser.add_argument("--list", action="store_true", help="print the names of all mutants, and try none")
    options = parser.parse_args()
    patches = read_all()
    if options.table or options.list:
        print(table(patches) if options.table else "\n".join(patch.name for patch in patches))
        return 0
    chosen = [it for it in patches if not options.names or it.name.startswith(tuple(options.names))]
    if not chosen:
        sys.exit("mutants: there is none of that name")
    copy_tree()
    passed = passing({test for patch in chosen for test in patch.tests}, needs_extension(chosen))
    missed = [patch.name for patch in chosen if not is_noticed(patch, passed)]
    print(
        f"mutants: {len(chosen) - len(missed)} of {len(chosen)} were noticed"
        + "".join(f"\n  not {it}" for it in missed)
    )
    return 1 if missed else 0


def copy_tree() -> None:
    """Brings the copy up to date; what is as it was keeps its time, so that it is not built again."""
    wanted = {Path(folder, name) for folder, _, names in os.walk(COPY) for name in names}
    COPY.mkdir(parents=True, exist_ok=True)

    def copy(source: str, to: str) -> str:
        wanted.discard(Path(to))
        if not os.path.exists(to) or Path(source).read_bytes() != Path(to).read_bytes():
            shutil.copyfile(source, to)
        return to

    shutil.copytree(ROOT, COPY, ignore=_LEFT_OUT, copy_function=copy, dirs_exist_ok=True)
    for stale in wanted:
        stale.unlink()


def needs_extension(patches: Sequence[Patch]) -> bool:
    """Whether a test in Python has to see a change in Rust."""
    return any(
        any(hunk.path.startswith("src/") for hunk in patch.hunks) and any(".py::" in it for it in patch.tests)
        for patch in patches
    )


def is_noticed(patch: Patch, passed: set[str]) -> bool:
    """Whether each of the tests, which pass without it, fails with the patch."""
    began = time.monotonic()
    before = {path: (COPY / path).read_text() for path in patch.applied(COPY)}
    for path, text in patch.applied(COPY).items():
        (COPY / path).write_text(text)
    try:
        left = passing(set(patch.tests), needs_extension([patch]))
    finally:
        for path, text in before.items():
            (COPY / path).write_text(text)
    useless = [test for test in patch.tests if test not in passed]
    for test in useless:
        print(f"  {test} fails without the patch as well")
    for test in left:
        print(f"  {test} passes")
    noticed = not left and not useless
    print(
        f"{'noticed' if noticed else 'MISSED '}  {patch.name}  ({time.monotonic() - began:.0f} s)", flush=True
    )
    return noticed


def passing(tests: set[str], with_extension: bool) -> set[str]:
    """Those of the tests that pass in the copy."""
    in_rust = {test for test in tests if ".rs::" in test}
    return passing_in_rust(in_rust) | passing_in_python(tests - in_rust, with_extension)


def passing_in_rust(tests: set[str]) -> set[str]:
    """Those of the tests of the core that pass."""
    if not tests:
        return set()
    messages = cargo("test", "--test", "core", "--no-run", "--message-format=json")
    built = [json.loads(line) for line in messages.splitlines() if line.startswith("{")]
    binary = next(it["executable"] for it in built if it.get("executable") and it["target"]["name"] == "core")
    passed = set()
    for test in sorted(tests):
        module, _, name = test.removeprefix("tests/core/").partition(".rs::")
        path = f"{module.replace('/', '::').removesuffix('::mod')}::{name}"
        ran = run([binary, "--exact", path])
        if ran is not None and f"test {path} ... ok" in ran.stdout:
            passed.add(test)
    return passed


def passing_in_python(tests: set[str], with_extension: bool) -> set[str]:
    """Those of the tests in Python that pass, with the package of the copy."""
    if not tests:
        return set()
    extension = COPY / "python" / "jug" / "_native.abi3.so"
    if with_extension:
        cargo("build", "--lib", "--features", "python")
        shutil.copyfile(BUILT / "debug" / "libjug_native.so", extension)
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", f"--timeout={_PATIENCE}"]
    environment = {**os.environ, "PYTHONPATH": str(COPY / "python")}
    passed = {
        test for test in sorted(tests) if (ran := run([*command, test], environment)) and ran.returncode == 0
    }
    if with_extension:
        shutil.copyfile(ROOT / "python" / "jug" / "_native.abi3.so", extension)
    return passed


def cargo(*arguments: str) -> str:
    """What cargo prints; the program ends where it fails, because a mutant has to compile."""
    environment = {**os.environ, "CARGO_TARGET_DIR": str(BUILT)}
    done = subprocess.run(
        ["cargo", *arguments], cwd=COPY, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"mutants: this does not compile\n{done.stderr[-4000:]}")
    return done.stdout


def run(
    command: list[str], environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str] | None:
    """Runs a test in the copy; None if it does not end."""
    try:
        return subprocess.run(
            command,
            cwd=COPY,
            env=environment,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None


if __name__ == "__main__":
    sys.exit(main())
