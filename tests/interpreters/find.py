"""Which CPythons are there: names on the path, pyenv's, and those that others put somewhere."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["OLDEST", "Interpreter", "candidates", "chosen", "found", "named", "probe", "pyenv"]

#: The oldest Python that the package runs on.
OLDEST = (3, 11)
_NAME = re.compile(r"python3\.\d+t?")
#: What an interpreter says of itself. In a virtual environment it is the one that this was made with.
_PROBE = """
import json, multiprocessing, platform, sys, sysconfig
print(json.dumps({
    "path": getattr(sys, "_base_executable", sys.executable),
    "implementation": platform.python_implementation(),
    "version": platform.python_version(),
    "order": list(sys.version_info[:3]) + [sys.version_info.releaselevel == "final"],
    "free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    "start_method": multiprocessing.get_start_method(),
}))
"""


@dataclass(frozen=True)
class Interpreter:
    """A CPython: where it is, and what it says of itself."""

    path: Path
    version: str
    #: Its version as numbers, and whether it is a final one.
    order: tuple[int, ...]
    free_threaded: bool
    #: How ``multiprocessing`` starts processes where nobody says otherwise.
    start_method: str

    @property
    def name(self) -> str:
        """Version, with a ``t`` behind it for a free-threaded build."""
        return self.version + "t" * self.free_threaded

    @property
    def line(self) -> tuple[int, int, bool]:
        """What of several versions one is enough of: the minor version, and how it is built."""
        return self.order[0], self.order[1], self.free_threaded


def pyenv() -> Path:
    """Where pyenv keeps its versions, if it is installed."""
    return Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")


def named() -> list[Path]:
    """More folders of interpreters, in the variable JUG_INTERPRETERS, as on a path."""
    return [Path(it) for it in os.environ.get("JUG_INTERPRETERS", "").split(os.pathsep) if it]


def candidates(path: str, pyenv: Path, others: Iterable[Path] = ()) -> list[Path]:
    """Files that have names of interpreters in the folders of ``path``, pyenv's versions, and ``others``."""
    folders = [*map(Path, others), *(Path(it) for it in path.split(os.pathsep) if it)]
    folders += sorted((pyenv / "versions").glob("*/bin"))
    there = [it for folder in folders if folder.is_dir() for it in sorted(folder.iterdir())]
    return [it for it in there if _NAME.fullmatch(it.name) and os.access(it, os.X_OK)]


def probe(path: Path) -> Interpreter | None:
    """What the interpreter at ``path`` says of itself; None where it does not run or is none that counts.

    A shim of pyenv whose version is not switched on does not run.
    """
    try:
        # Not in this folder, whose packages may be called as those that the probe needs.
        done = subprocess.run(
            [path, "-I", "-c", _PROBE], capture_output=True, text=True, timeout=60, check=True, cwd="/"
        )
        said = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    if said["implementation"] != "CPython" or tuple(said["order"][:2]) < OLDEST:
        return None
    return Interpreter(
        Path(said["path"]), said["version"], tuple(said["order"]), said["free_threaded"], said["start_method"]
    )


def found(paths: Iterable[Path]) -> list[Interpreter]:
    """Those that run, one for each version and kind of build, oldest first."""
    each = {}
    for path in paths:
        if (it := probe(path)) is not None:
            each.setdefault(it.name, it)
    return sorted(each.values(), key=lambda it: (it.order, it.free_threaded))


def chosen(there: Iterable[Interpreter], beside: Interpreter | None = None) -> list[Interpreter]:
    """The newest of each minor version; none of that of ``beside``, under which all tests run anyway."""
    newest = {it.line: it for it in sorted(there, key=lambda it: it.order)}
    if beside is not None:
        newest.pop(beside.line, None)
    return sorted(newest.values(), key=lambda it: (it.order, it.free_threaded))
