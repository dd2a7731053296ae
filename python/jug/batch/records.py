"""Which jobs were submitted for a jugfile: a file of lines, to which each submission adds one."""

from __future__ import annotations

import json
import os
import re
from typing import Any, NamedTuple

from ..internal.console import warn
from ..internal.files import DIR_MODE, FILE_MODE

__all__ = ["Records", "Submission"]

_NAME = "jobs.jsonl"

#: An id that a command takes for nothing else: others may write to the directory.
_ID = re.compile(r"\w[\w.\[\]-]*")


class Submission(NamedTuple):
    """A job that was submitted."""

    #: What the batch system calls it, and which one that is.
    id: str
    system: str
    #: In seconds since 1970.
    when: float
    #: How many elements its array has.
    n: int
    #: The file with its script.
    script: str


class Records:
    """The jobs that are remembered in a directory.

    Parameters
    ----------
    folder : str
        The directory, which need not exist.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._path = os.path.join(folder, _NAME)

    def prepare(self) -> None:
        """Creates what is needed to remember a job; OSError where that cannot be done."""
        os.makedirs(self.folder, DIR_MODE, exist_ok=True)
        os.close(self._open())

    def add(self, submission: Submission) -> None:
        """Remembers a job; OSError where that cannot be done."""
        line = json.dumps(submission._asdict()).encode() + b"\n"
        file = self._open()
        try:
            # A disk that was full may have left half a line.
            if (size := os.fstat(file).st_size) and os.pread(file, 1, size - 1) != b"\n":
                line = b"\n" + line
            # In one call: several may be submitted at the same time.
            os.write(file, line)
            os.fsync(file)
        finally:
            os.close(file)

    def all(self) -> list[Submission]:
        """All jobs, in the order in which they were submitted; none if there is no such file."""
        found = []
        try:
            with open(self._path, "rb") as file:
                lines = file.read().splitlines()
        except FileNotFoundError:
            return []
        for number, line in enumerate(lines, start=1):
            try:
                found.append(_read(json.loads(line)))
            except (ValueError, TypeError, KeyError):
                if line:
                    warn(f"{self._path}:{number}: this line is no record of a job")
        return found

    def _open(self) -> int:
        return os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)


def _read(given: Any) -> Submission:
    """A job of what a line says; ValueError, TypeError or KeyError if it is none."""
    job = str(given["id"])
    if not _ID.fullmatch(job):
        raise ValueError(job)
    return Submission(job, str(given["system"]), float(given["when"]), int(given["n"]), str(given["script"]))
