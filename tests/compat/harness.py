"""Runs one jugfile through a sequence of commands and notes all that a user would see.

A jugfile of `jugfiles/` says in comments what is to be done with it:

    # run: execute --keep-going     a command for `jug`; the jugfile's name is put where it belongs
    # run: @python script.py a      any program of the virtual environment
    # values: a b.c                 expressions printed after the commands, through `jug.init`
    # file: NAME = TEXT             a file that is there before the first command
    # script: NAME                  the same, for a file of `scripts/`
    # env: NAME=TEXT                an environment variable
    # stderr: TEXT                  a message that some command prints, on either stream
    # differs: NUMBER WHY           the NUMBERth command (from 1) prints something else on purpose
    # status-differs: NUMBER WHY    the same for its exit status

Without `run:` lines it goes through `DEFAULT_COMMANDS`.
"""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
JUGFILES = HERE / "jugfiles"
SCRIPTS = HERE / "scripts"
PROBE = HERE / "probe.py"
DEFAULT_COMMANDS = (
    "status",
    "execute",
    "status",
    "check",
    "count",
    "execute",
    "invalidate --name *",
    "status --short",
    "execute --short",
    "cleanup",
)
TIMEOUT = 60


@dataclass(frozen=True)
class Case:
    """A jugfile and what is done with it."""

    name: str
    source: Path
    commands: tuple[str, ...]
    values: tuple[str, ...]
    files: dict[str, str]
    environment: dict[str, str]
    stderr: tuple[str, ...]
    differs: dict[int, str]
    status_differs: dict[int, str]


@dataclass
class Step:
    """What one command did: its exit status and what it printed."""

    command: str
    exit_status: int
    stdout: str
    stderr: str


@dataclass
class Outcome:
    """What all commands of a case did, the values afterwards and the files that were left."""

    steps: list[Step] = field(default_factory=list)
    values: list[str] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)


def read_case(source: Path) -> Case:
    """Reads the comments of a jugfile; a misspelt one is an error, not a comment."""
    found: dict[str, list[str]] = {}
    for line in source.read_text().splitlines():
        match = re.fullmatch(r"# ?([\w-]+): (.*)", line)
        if match:
            found.setdefault(match[1], []).append(match[2].strip())
    unknown = found.keys() - {"run", "values", "file", "script", "env", "stderr", "differs", "status-differs"}
    if unknown:
        raise ValueError(f"{source}: what is {sorted(unknown)}?")
    pairs = [text.split("=", 1) for text in found.get("file", [])]
    variables = [text.split("=", 1) for text in found.get("env", [])]
    return Case(
        name=source.stem,
        source=source,
        commands=tuple(found.get("run", DEFAULT_COMMANDS)),
        values=tuple(" ".join(found.get("values", [])).split()),
        files={name.strip(): text.strip().replace("\\n", "\n") for name, text in pairs}
        | {name: (SCRIPTS / name).read_text() for name in found.get("script", [])},
        environment=dict(variables),
        stderr=tuple(found.get("stderr", ())),
        differs=numbered(found.get("differs", [])),
        status_differs=numbered(found.get("status-differs", [])),
    )


def numbered(lines: list[str]) -> dict[int, str]:
    """The reasons of lines such as "3 because of this", by their number."""
    return {int(number): why for number, why in (line.split(" ", 1) for line in lines)}


def all_cases() -> list[Case]:
    """Every jugfile of the directory, by name."""
    return [read_case(path) for path in sorted(JUGFILES.glob("*.py"))]


def run_case(case: Case, python: Path, directory: Path) -> Outcome:
    """Runs all commands of a case in a new directory, with the jug that belongs to `python`."""
    work, home = directory / "work", directory / "home"
    work.mkdir(parents=True)
    home.mkdir()
    jugfile = work / case.source.name
    shutil.copy(case.source, jugfile)
    for name, text in case.files.items():
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_text(text + "\n")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("JUG_", "PYTHON"))}
    environment |= {"HOME": str(home), "COLUMNS": "100", "PATH": f"{python.parent}:{os.environ['PATH']}"}
    environment |= {"PYTHONDONTWRITEBYTECODE": "1", **case.environment}
    outcome = Outcome()
    for command in case.commands:
        argv = command_line(command, python, jugfile.name)
        outcome.steps.append(run_step(command, argv, work, environment))
    if case.values:
        step = run_step("values", [str(python), str(PROBE), jugfile.name, *case.values], work, environment)
        if step.exit_status:
            raise AssertionError(f"{python}: the values of {case.name} cannot be had\n{step.stderr}")
        outcome.values = step.stdout.splitlines()
    outcome.files = files_left(work)
    return outcome


def command_line(command: str, python: Path, jugfile: str) -> list[str]:
    """The program and arguments for a line of a case."""
    first, *rest = command.split()
    if first == "@python":
        return [str(python), *rest]
    if first.startswith("@"):
        return [str(python.parent / "jug"), first[1:], *rest]
    if "--" in rest:
        # jug 2.7.0 refuses options between the jugfile and the arguments for it.
        place = rest.index("--")
        return [str(python.parent / "jug"), first, "--will-cite", *rest[:place], jugfile, *rest[place:]]
    return [str(python.parent / "jug"), first, "--will-cite", jugfile, *rest]


def run_step(command: str, argv: list[str], work: Path, environment: dict[str, str]) -> Step:
    """Runs a program to its end; lines lose trailing blanks and the directory its name."""
    done = subprocess.run(
        argv, cwd=work, env=environment, capture_output=True, text=True, timeout=TIMEOUT, check=False
    )
    shown = [
        "\n".join(line.rstrip() for line in text.replace(str(work), "WORK").splitlines())
        for text in (done.stdout, done.stderr)
    ]
    return Step(command, done.returncode, *shown)


def files_left(work: Path) -> dict[str, str]:
    """Text files that the run left, by relative name, without the stores (whose format is not compared)."""
    left = {}
    for path in sorted(work.rglob("*")):
        parts = path.relative_to(work).parts
        if path.is_file() and not any(part.endswith("jugdata") for part in parts) and path.suffix != ".py":
            left["/".join(parts)] = path.read_text(errors="backslashreplace").replace(str(work), "WORK")
    return left
