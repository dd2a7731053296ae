"""The tests under one interpreter, in an environment of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.interpreters.find import Interpreter
from tests.support.paths import ROOT

__all__ = ["Counts", "Outcome", "environment", "refusal", "tested"]

_PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
#: Nothing is built for one of them: what has no wheel for it is left out.
_INSTALL = ["install", "--quiet", "--no-compile", "--only-binary", ":all:"]
#: What the tests would take for the interpreter that started all this.
_NOT_INHERITED = ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "CI")


@dataclass(frozen=True)
class Counts:
    """How many tests of a group passed, failed and were skipped."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    @classmethod
    def read(cls, report: Path) -> Counts:
        """Those in a file that pytest wrote with ``--junitxml``; what could not be imported failed."""
        (suite,) = ElementTree.parse(report).getroot()
        cases = list(suite)
        failed = sum(case.find("failure") is not None or case.find("error") is not None for case in cases)
        skipped = sum(case.find("skipped") is not None for case in cases)
        return cls(len(cases) - failed - skipped, failed, skipped)


@dataclass
class Outcome:
    """What the tests said under one interpreter."""

    interpreter: Interpreter
    #: By group; empty where it was refused.
    counts: dict[str, Counts] = field(default_factory=dict)
    #: Packages that are not to be had for it, and the versions of some that are.
    missing: list[str] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    #: What pip says where it cannot be installed.
    refused: str = ""
    seconds: float = 0.0

    @property
    def is_good(self) -> bool:
        """Whether nothing failed, and something ran or was refused as it has to be."""
        ran = sum(it.passed for it in self.counts.values())
        return not any(it.failed for it in self.counts.values()) and (bool(ran) or bool(self.refused))


def environment(
    interpreter: Interpreter, folder: Path, wheel: Path, packages: Iterable[str]
) -> tuple[Path, list[str]]:
    """A virtual environment with the wheel and with those of ``packages`` that are to be had.

    Parameters
    ----------
    interpreter : Interpreter
        The interpreter.
    folder : Path
        Where environments are kept for the next time.
    wheel : Path
        The package.
    packages : iterable of str
        What the tests need.

    Returns
    -------
    python : Path
        The interpreter in the environment.
    missing : list of str
        What has no wheel for it.

    Raises
    ------
    subprocess.CalledProcessError
        If the environment cannot be made, or the wheel not be installed.
    """
    home = folder / interpreter.name
    python = home / "bin" / "python"
    if not python.exists():
        subprocess.run([interpreter.path, "-m", "venv", "--without-pip", home], check=True)
    pip = [*_PIP, "--python", str(python), *_INSTALL]
    missing = []
    if subprocess.run([*pip, *packages], capture_output=True, check=False).returncode:
        # One of them is not there: each by itself, to see which.
        missing = [
            it for it in packages if subprocess.run([*pip, it], capture_output=True, check=False).returncode
        ]
    subprocess.run([*pip, "--no-index", "--no-deps", "--force-reinstall", str(wheel)], check=True)
    return python, missing


def tested(
    interpreter: Interpreter,
    folder: Path,
    wheel: Path,
    packages: Sequence[str],
    groups: dict[str, Sequence[str]],
    more: Sequence[str],
) -> Outcome:
    """Runs the tests under an interpreter, and says what came out.

    Parameters
    ----------
    interpreter : Interpreter
        The interpreter.
    folder : Path
        Where environments and reports are kept.
    wheel : Path
        The package.
    packages : sequence of str
        What the tests need.
    groups : dict of str to sequence of str
        Files and folders of tests, by the name of their group.
    more : sequence of str
        Further arguments for pytest.

    Returns
    -------
    outcome : Outcome
        The counts.
    """
    began = time.monotonic()
    outcome = Outcome(interpreter)
    if interpreter.free_threaded:
        outcome.refused = refusal(interpreter, folder)
        outcome.seconds = time.monotonic() - began
        return outcome
    python, outcome.missing = environment(interpreter, folder, wheel, packages)
    outcome.versions = _versions(python, ("numpy", "pandas"))
    inherited = {name: value for name, value in os.environ.items() if name not in _NOT_INHERITED}
    inherited["PATH"] = os.pathsep.join([str(python.parent), inherited["PATH"]])
    for group, files in groups.items():
        report = folder / f"{interpreter.name}-{group.replace(' ', '-')}.xml"
        report.unlink(missing_ok=True)
        words = [
            python,
            "-m",
            "pytest",
            "--quiet",
            "-p",
            "no:cacheprovider",
            "--tb=short",
            f"--junitxml={report}",
        ]
        # A package that is missing leaves out the files that import it; they count as skipped.
        words += ["-p", "tests.interpreters.plugin", "--continue-on-collection-errors", *more, *files]
        with report.with_suffix(".log").open("w") as log:
            subprocess.run(words, cwd=ROOT, env=inherited, stdout=log, stderr=subprocess.STDOUT, check=False)
        # Where pytest itself did not get so far, all of it failed.
        outcome.counts[group] = Counts.read(report) if report.exists() else Counts(failed=1)
    outcome.seconds = time.monotonic() - began
    return outcome


def refusal(interpreter: Interpreter, folder: Path) -> str:
    """The line with which pip refuses the source under an interpreter; empty where it does not."""
    home = folder / interpreter.name
    subprocess.run([interpreter.path, "-m", "venv", "--without-pip", home], check=True)
    words = [*_PIP, "--python", str(home / "bin" / "python"), "install", "--no-deps", str(ROOT)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    lines = [it.strip() for it in done.stderr.splitlines() if "jug-rs cannot be installed here" in it]
    return lines[0] if done.returncode and len(lines) == 1 else ""


def _versions(python: Path, packages: Sequence[str]) -> dict[str, str]:
    """The versions of some packages that are installed."""
    program = (
        "import importlib.metadata as m, sys\nfor name in sys.argv[1:]:\n    print(name, m.version(name))"
    )
    done = subprocess.run([python, "-c", program, *packages], capture_output=True, text=True, check=False)
    return dict(line.split() for line in done.stdout.splitlines())
