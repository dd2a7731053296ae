"""The environments that keys are compared in: a Python, with versions of numpy and pandas."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.interpreters.find import Interpreter
from tests.support.paths import ROOT

__all__ = ["ALL", "Wanted", "measured", "python_of"]

_PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
#: Nothing is built for one of them.
_INSTALL = ["install", "--quiet", "--no-compile", "--only-binary", ":all:"]
#: What would lead Python elsewhere.
_NOT_INHERITED = ("VIRTUAL_ENV", "PYTHONHOME")


@dataclass(frozen=True)
class Wanted:
    """An environment: the minor version of Python, and what pip is asked for."""

    python: tuple[int, int]
    packages: tuple[str, ...]

    @property
    def name(self) -> str:
        """That of its folder."""
        packages = "-".join(re.sub("[^a-z0-9.]", "", it).rstrip(".") for it in self.packages)
        return f"{self.python[0]}.{self.python[1]}-{packages}"


#: In the order of the columns. The first has what was there before numpy 2 and pandas 3.
ALL = (
    Wanted((3, 11), ("numpy==1.26.*", "pandas==2.2.*", "pyarrow<19")),
    Wanted((3, 11), ("numpy==2.0.*", "pandas==3.0.*", "pyarrow")),
    Wanted((3, 12), ("numpy==2.2.*", "pandas==2.3.*", "pyarrow")),
    Wanted((3, 12), ("numpy", "pandas", "pyarrow")),
    Wanted((3, 13), ("numpy", "pandas", "pyarrow")),
    Wanted((3, 14), ("numpy", "pandas", "pyarrow")),
    Wanted((3, 15), ("numpy", "pandas", "pyarrow")),
)


def python_of(wanted: Wanted, there: Iterable[Interpreter], folder: Path) -> Path | None:
    """The interpreter in an environment, which is made unless it is there; None without such a Python.

    Raises
    ------
    subprocess.CalledProcessError
        If the environment cannot be made, or its packages are not to be had.
    """
    base = next((it for it in there if it.line == (*wanted.python, False)), None)
    if base is None:
        return None
    home = folder / wanted.name
    python = home / "bin" / "python"
    if not python.exists():
        subprocess.run([base.path, "-m", "venv", "--without-pip", home], check=True)
    subprocess.run([*_PIP, "--python", str(python), *_INSTALL, *wanted.packages], check=True)
    return python


def measured(python: Path) -> dict[str, Any]:
    """Versions, keys and clashes under an interpreter, by the package of this tree.

    Raises
    ------
    subprocess.CalledProcessError
        If they cannot be computed; what is wrong is on the standard error.
    """
    inherited = {name: value for name, value in os.environ.items() if name not in _NOT_INHERITED}
    # The library is for every Python from 3.11 on, so that it serves where it was not installed.
    inherited["PYTHONPATH"] = os.pathsep.join([str(ROOT / "python"), str(ROOT)])
    words = [python, "-W", "ignore", "-m", "tests.upgrades.keys"]
    done = subprocess.run(words, cwd=ROOT, env=inherited, stdout=subprocess.PIPE, text=True, check=True)
    said: dict[str, Any] = json.loads(done.stdout)
    return said
