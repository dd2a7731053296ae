"""RunForrest 0.4.3 in an interpreter of its own, and functions that both find by their names."""

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.runforrest.deeds import DEEDS
from tests.support.peers import peers_python

#: A module that is in the path of both.
CALLS = """
class Pair:
    def __init__(self, left, right):
        self.left, self.right = left, right

def add(a, b=0):
    return a + b

def pair(a, b):
    return Pair(a, b)

def total(values):
    return sum(values)

def fail(what):
    raise ValueError(what)
"""


@pytest.fixture(scope="session")
def peers() -> Path:
    """The Python of a virtual environment with RunForrest: $JUG_PEERS or ./.peers-venv, made if need be."""
    return peers_python()


def _run(python: Path | str, package: str, source: str, folder: Path) -> subprocess.CompletedProcess[str]:
    script = folder / f"script_{package.replace('.', '_')}.py"
    names = "defer, evaluate, TaskList, Task, PartOfTask, TaskAttribute, TaskItem"
    head = f"import json, os, sys\nsys.path.insert(0, '.')\nfrom {package} import {names}\n"
    script.write_text(f"{head}import calls\n{textwrap.dedent(source)}")
    environment = {**os.environ, "PATH": f"{Path(python).parent}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(
        [python, script],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory of both, where the module `calls` lies."""
    (tmp_path / "calls.py").write_text(CALLS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "calls", raising=False)
    return tmp_path


@pytest.fixture
def theirs(peers: Path, folder: Path) -> Callable[[str], Any]:
    """Runs a script with RunForrest and returns what it prints, which is JSON."""

    def run(source: str) -> Any:
        done = _run(peers, "runforrest", source, folder)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.fixture
def ours(folder: Path) -> Callable[[str], Any]:
    """Runs the same here."""

    def run(source: str) -> Any:
        done = _run(sys.executable, "jug.runforrest", source, folder)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.fixture
def deeds(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, where the module `deeds` lies as well."""
    (folder / "deeds.py").write_text(DEEDS)
    monkeypatch.delitem(sys.modules, "deeds", raising=False)
    return folder
