"""The packages whose users this one takes in, in a virtual environment of their own."""

import functools
import os
import subprocess
from pathlib import Path

from tests.support.missing import missing
from tests.support.paths import ROOT

__all__ = ["peers_python"]


@functools.cache
def peers_python() -> Path:
    """The Python of that environment: of $JUG_PEERS or ./.peers-venv, which is made if need be."""
    if "JUG_PEERS" in os.environ:
        return Path(os.environ["JUG_PEERS"]) / "bin" / "python"
    done = subprocess.run([ROOT / "dev", "peers"], capture_output=True, text=True, check=False)
    if done.returncode:
        missing(f"RunForrest, jobslib and pytask-parallel cannot be installed:\n{done.stdout}{done.stderr}")
    return ROOT / ".peers-venv" / "bin" / "python"
