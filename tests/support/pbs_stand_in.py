"""Stand-ins for qsub, qstat and qdel of PBS Pro, which no package of a distribution has.

They read the same lines of scripts, run the scripts for real, and print what the manuals show. What they do
not know, they refuse.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

from tests.support.paths import ROOT

__all__ = ["PbsStandIn"]

_SERVER = "pbs.example.org"
_FOLDER = "PBS_STAND_IN"


class PbsStandIn:
    """The commands, in a directory of their own.

    Parameters
    ----------
    folder : Path
        For all that belongs to them.
    """

    def __init__(self, folder: Path) -> None:
        self.commands = folder / "bin"
        self.environment = {
            "PATH": f"{self.commands}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            _FOLDER: str(folder),
        }
        self._folder = folder

    def start(self) -> None:
        """Creates the commands."""
        self.commands.mkdir(parents=True)
        for name in ("qsub", "qstat", "qdel"):
            path = self.commands / name
            path.write_text(f'#!/bin/sh\nexec {sys.executable} -m {__name__} {name} "$@"\n')
            path.chmod(0o755)

    def __call__(self, *command: str) -> str:
        """What a command prints."""
        env = {**os.environ, **self.environment}
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
        return done.stdout

    def stop(self) -> None:
        """Ends all jobs."""
        for path in self._folder.glob("*.pid"):
            if not path.with_suffix(".status").exists():
                _signal(path, signal.SIGKILL)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


def _options_of(script: str) -> argparse.Namespace:
    parser = _Parser(prog="qsub", allow_abbrev=False)
    for name in "SNJjoq":
        parser.add_argument(f"-{name}", dest=name)
    parser.add_argument("-l", dest="l", action="append", default=[])
    parser.add_argument("-v", dest="v", default="")
    parser.add_argument("-V", dest="V", action="store_true")
    words = [
        word
        for line in script.splitlines()
        if line.startswith("#PBS ")
        for word in shlex.split(line.removeprefix("#PBS "))
    ]
    return parser.parse_args(words)


def _qsub(folder: Path, file: str) -> None:
    script = Path(file).read_text()
    options = _options_of(script)
    if options.q not in (None, "workq", "other"):
        sys.exit("qsub: Unknown queue")
    first, last = 0, 0
    if options.J:
        first, last = map(int, options.J.split("-"))
        if first >= last:
            sys.exit("qsub: illegal -J value")
    number = 1 + len([*folder.glob("*.sh")])
    copy = folder / f"{number}.sh"
    copy.write_text(script)
    for index in range(first, last + 1):
        name = f"{number}[{index}]" if options.J else str(number)
        suffix = f"{number}.{index}" if options.J else str(number)
        environment = {
            **(os.environ if options.V else {}),
            **dict(pair.split("=", 1) for pair in options.v.split(",") if pair),
            "PBS_JOBID": f"{name}.{_SERVER}",
            "PBS_O_WORKDIR": os.getcwd(),
            "PBS_QUEUE": options.q or "workq",
            "PBS_SELECT": " ".join(options.l),
        }
        if options.J:
            environment["PBS_ARRAY_INDEX"] = str(index)
        output = Path(options.o) / f"{options.N}.o{suffix}"
        status = folder / f"{name}.status"
        line = f'{options.S} "$0" >"$1" 2>&1 </dev/null; echo $? >"$2.new"; mv "$2.new" "$2"'
        runner = subprocess.Popen(
            ["/bin/sh", "-c", line, copy, output, status],
            env=environment,
            cwd="/",
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        (folder / f"{name}.pid").write_text(str(runner.pid))
    print(f"{number}[].{_SERVER}" if options.J else f"{number}.{_SERVER}")


def _qstat(folder: Path, *words: str) -> None:
    assert words[:2] == ("-x", "-t")
    rows, unknown = [], []
    for job in words[2:]:
        number = re.split(r"[\[.]", job)[0]
        elements = sorted(path for path in folder.glob("*.pid") if re.match(rf"{number}(\[|\.)", path.name))
        if not elements:
            unknown.append(job)
        if "[" in job and elements:
            rows.append((job, "B"))
        for path in elements:
            has_ended = path.with_suffix(".status").exists()
            rows.append((f"{path.stem}.{_SERVER}", ("X" if "[" in job else "F") if has_ended else "R"))
    if rows:
        print("Job id            Name             User              Time Use S Queue")
        print("----------------  ---------------- ----------------  -------- - -----")
    for name, state in rows:
        print(f"{name[:17]:17} {'jugfile':16} {'ada':16}  00:00:00 {state} workq           ")
    for job in unknown:
        print(f"qstat: Unknown Job Id {job}", file=sys.stderr)
    sys.exit(153 if unknown else 0)


def _qdel(folder: Path, job: str) -> None:
    number = re.split(r"[\[.]", job)[0]
    for path in folder.glob("*.pid"):
        if re.match(rf"{number}(\[|\.)", path.name):
            _signal(path, signal.SIGTERM)


def _signal(path: Path, number: int) -> None:
    """To the shell that runs a script, and all below it."""
    group = int(path.read_text())
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        # The first of the group writes the status.
        if int(fields[2]) == group and (int(entry.parent.name) != group or number == signal.SIGKILL):
            os.kill(int(entry.parent.name), number)


if __name__ == "__main__":
    {"qsub": _qsub, "qstat": _qstat, "qdel": _qdel}[sys.argv[1]](Path(os.environ[_FOLDER]), *sys.argv[2:])
