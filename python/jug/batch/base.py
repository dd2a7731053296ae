"""What a batch system does for us: it takes a script, says what became of its jobs, and cancels them."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence

from ..errors import UserError
from ..internal.commands import answer_of
from .request import Request

__all__ = ["STATES", "BatchSystem", "States", "call", "message_of", "name_of", "quoted"]

#: What may be known of an element of an array, in the order in which it is said: "ended" is one that the
#: batch system does not know any more.
STATES = ("running", "pending", "done", "failed", "cancelled", "ended")

#: How many elements of an array are in each state.
States = Counter[str]

#: How many seconds a command of a batch system may take: where its server does not answer, it waits for ever.
_PATIENCE = 60.0

_HEAD = """\
#!/bin/bash
{directives}
# Written by 'jug submit'. Each element of the array is a worker, and all of them are alike.
cd -- {directory} || exit 1
{end_time}
# Nothing new starts after this signal. It is ignored until the worker is there.
export JUG_STOP_SIGNAL={stop_signal}
trap '' USR1 USR2
"""


class BatchSystem(ABC):
    """A batch system, by its commands.

    Attributes
    ----------
    name : str
        How users call it.
    submits : str
        The command that takes a script; the system is there if this one is.
    prefix : str
        What begins a line of a script that is an option.
    stop_signal : str, default "USR1"
        The signal that it sends some time before it kills a job.
    """

    name: str
    submits: str
    prefix: str
    stop_signal = "USR1"

    def is_available(self) -> bool:
        """Whether it can be used here."""
        return shutil.which(self.submits) is not None

    def script(self, request: Request) -> str:
        """The script of an array job."""
        options = [*self._options(request)]
        if request.extra:
            options.append(" ".join(map(quoted, request.extra)))
        text = _HEAD.format(
            directives="\n".join(f"{self.prefix} {option}" for option in options),
            directory=shlex.quote(request.directory),
            end_time=self._end_time(request),
            stop_signal=self.stop_signal,
        )
        if request.threads is not None:
            text += f'export OMP_NUM_THREADS="${{OMP_NUM_THREADS:-{request.threads}}}"\n'
        # Some batch systems give a shell the script itself as its standard input.
        return text + f"exec {shlex.join(request.command)} </dev/null\n"

    def submit(self, script: str) -> str:
        """Submits the script in this file; the id of the job.

        Raises
        ------
        UserError
            If the batch system refuses it.
        """
        done = call(self._submission(script))
        if done.returncode:
            raise UserError(f"{self.submits} refused the job: {message_of(done)}")
        lines = done.stdout.strip().splitlines()
        job = self._id_in(lines[-1].strip()) if lines else ""
        if not job:
            raise UserError(f"{self.submits} gave no job id, but {message_of(done)!r}")
        return job

    @abstractmethod
    def states(self, jobs: Sequence[str]) -> Mapping[str, States]:
        """How many elements of each of these jobs are in which state, as far as that is still known.

        Raises
        ------
        UserError
            If the batch system does not answer.
        """

    @abstractmethod
    def cancel(self, job: str) -> None:
        """Ends a job, and takes what waits of it away.

        Raises
        ------
        UserError
            If the batch system refuses that.
        """

    @abstractmethod
    def _options(self, request: Request) -> Sequence[str]:
        """The options of a request, as they stand in a script."""

    @abstractmethod
    def _submission(self, script: str) -> list[str]:
        """The command that submits a script."""

    @abstractmethod
    def _id_in(self, line: str) -> str:
        """The id of a job in what that command printed."""

    def _end_time(self, request: Request) -> str:
        """The line of a script that says to a worker when it ends."""
        if request.time is None:
            return "unset JUG_END_TIME"
        return f"export JUG_END_TIME=$(($(date +%s) + {request.time}))"

    def _cancel_by(self, *command: str) -> None:
        done = call(command)
        if done.returncode:
            raise UserError(f"{command[0]} refused to cancel job {command[-1]}: {message_of(done)}")


def call(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Runs a command of a batch system. UserError if it cannot be run, or does not come to an end."""
    try:
        return answer_of(command, _PATIENCE)
    except FileNotFoundError:
        raise UserError(
            f"there is no {command[0]} on the path: run this where jobs can be submitted"
        ) from None
    except OSError as error:
        raise UserError(f"{command[0]} cannot be run: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise UserError(f"{command[0]} did not answer within {_PATIENCE:.0f} s") from None


def message_of(done: subprocess.CompletedProcess[str]) -> str:
    """What a command printed, as one line."""
    lines = (done.stderr.strip() or done.stdout.strip()).splitlines()
    name = re.escape(done.args[0])
    said = [re.sub(rf"^{name}:\s*(error:\s*)?", "", line.strip()) for line in lines]
    return "; ".join(filter(None, said)) or f"it ended with status {done.returncode}"


def quoted(word: str) -> str:
    """A word of an option as it stands in a script: there only double quotes keep blanks together."""
    return word if re.fullmatch(r"[^\s\"']+", word) else '"' + word.replace('"', '\\"') + '"'


def name_of(request: Request) -> str:
    """The name of a job for those batch systems that take letters first, and nothing but a few signs."""
    name = re.sub(r"[^A-Za-z0-9_.-]", "_", request.name)
    return name if name[:1].isalpha() else f"jug_{name}"
