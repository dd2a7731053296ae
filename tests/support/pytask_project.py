"""A project of pytask, run by both packages in processes of their own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import textwrap
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from tests.support.paths import ROOT
from tests.support.peers import peers_python

__all__ = ["HEAD", "Done", "Project", "install_dropin"]

DROPIN = ROOT / "dropins" / "pytask"

#: What modules of tasks begin with.
HEAD = """
import os, sys, time
from pathlib import Path
from typing import Annotated, Any
import pytask
from pytask import Product, task
"""

_ROW = re.compile(r"^│ (\S.*?) +│ (\S+) +│$", re.M)


class Done(NamedTuple):
    """A run of pytask that has ended."""

    status: int
    #: By name of the task: ".", "F", "s", "-" and so on.
    outcomes: dict[str, str]
    out: str

    def report(self, name: str) -> str:
        """What is shown of a task that failed."""
        parts = re.split(r"^─+ Task (\S+) failed ─+$", self.out, flags=re.M)
        (found,) = [
            text for shown, text in zip(parts[1::2], parts[2::2], strict=True) if shown.endswith(name)
        ]
        return found


def install_dropin(folder: Path) -> None:
    """What `pip install` of the drop-in leaves in a folder for Python to find."""
    project = tomllib.loads((DROPIN / "pyproject.toml").read_text())
    info = folder / "jug_rs_pytask-0.1.0.dist-info"
    info.mkdir(parents=True)
    name, version = project["project"]["name"], project["project"]["version"]
    info.joinpath("METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    points = project["project"]["entry-points"]["pytask"]
    lines = [f"{key} = {value}" for key, value in points.items()]
    info.joinpath("entry_points.txt").write_text("\n".join(["[pytask]", *lines, ""]))


class Project:
    """A folder with modules of tasks.

    Parameters
    ----------
    folder : Path
    site : Path
        Where :func:`install_dropin` has put what it does.
    """

    def __init__(self, folder: Path, site: Path) -> None:
        self.folder = folder
        self._site = site
        given = os.environ.get("PYTHONPATH")
        self._path = os.pathsep.join([str(DROPIN), str(site), *([given] if given else [])])
        folder.mkdir()
        self.configure()

    def put_first(self, folder: Path) -> None:
        """Has packages in this folder found before all others."""
        self._path = os.pathsep.join([str(folder), self._path])

    def put_last(self, folder: Path) -> None:
        """Has packages in this folder found, too."""
        self._path = os.pathsep.join([self._path, str(folder)])

    def copy(self) -> Project:
        """Another one with the same files."""
        folder = self.folder.with_name(f"{self.folder.name}-copy")
        other = Project(folder, self._site)
        for path in self.folder.iterdir():
            folder.joinpath(path.name).write_bytes(path.read_bytes())
        return other

    def configure(self, lines: str = "") -> None:
        """Writes pyproject.toml, with these lines in pytask's part."""
        self.write("pyproject.toml", f"[tool.pytask.ini_options]\n{lines}")

    def write(self, name: str, text: str) -> None:
        self.folder.joinpath(name).write_text(textwrap.dedent(text))

    def tasks(self, text: str, name: str = "task_module.py") -> None:
        """Writes a module of tasks, with what all of them import."""
        self.write(name, HEAD + textwrap.dedent(text))

    def command(self, *arguments: str, reference: bool = False) -> tuple[list[str], Mapping[str, str]]:
        """What runs pytask, with which environment."""
        python = peers_python() if reference else Path(sys.executable)
        environment = {**os.environ, "COLUMNS": "100", "PYTHONPATH": "" if reference else self._path}
        return [str(python), "-m", "pytask", *arguments], environment

    def run(self, *arguments: str, reference: bool = False, seconds: float = 120) -> Done:
        """Runs pytask to its end."""
        command, environment = self.command(*arguments, reference=reference)
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds,
            check=False,
        )
        return self.done(done.returncode, done.stdout)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Runs pytask, and does not wait; it leads a process group of its own."""
        command, environment = self.command(*arguments)
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def done(self, status: int, out: str) -> Done:
        outcomes = {
            name.rpartition("::")[2]: outcome for name, outcome in _ROW.findall(out) if name != "Task"
        }
        return Done(status, outcomes, out)

    def script(self, text: str) -> subprocess.CompletedProcess[str]:
        """Runs a script that calls pytask."""
        _, environment = self.command()
        self.write("script.py", text)
        return subprocess.run(
            [sys.executable, "script.py"],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def forget(self) -> None:
        """Has all tasks run again."""
        self.folder.joinpath("pytask.lock").unlink(missing_ok=True)
        shutil.rmtree(self.folder / ".pytask", ignore_errors=True)
