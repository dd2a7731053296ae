"""The two interpreters that are compared."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.missing import missing
from tests.support.paths import ROOT


@pytest.fixture(scope="session")
def reference() -> Path:
    """The Python of a virtual environment with jug 2.7.0: $JUG_REFERENCE, else ./.ref-venv, made if need be.

    The tests are skipped where it cannot be installed (no network), except under CI.
    """
    if "JUG_REFERENCE" in os.environ:
        return Path(os.environ["JUG_REFERENCE"]) / "bin" / "python"
    done = subprocess.run([ROOT / "dev", "reference"], capture_output=True, text=True, check=False)
    if done.returncode:
        missing(f"jug 2.7.0 cannot be installed:\n{done.stdout}{done.stderr}")
    return ROOT / ".ref-venv" / "bin" / "python"


@pytest.fixture(scope="session")
def ours() -> Path:
    """The Python that runs the tests, which has this package."""
    return Path(sys.executable)
