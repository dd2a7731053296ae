"""PBS Pro and OpenPBS: qsub, qstat, qdel."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from shutil import which

from ..errors import UserError
from .base import BatchSystem, States, call, message_of, name_of, quoted
from .request import Request, format_memory, format_time

__all__ = ["PbsPro"]

#: The longest name of a job that every version takes.
_NAME = 15

#: What jug says of the letters; "ended" is what has ended: how is not among them.
_STATES = {
    **dict.fromkeys("RE", "running"),
    **dict.fromkeys("QHWTSUM", "pending"),
    **dict.fromkeys("XF", "ended"),
}


class PbsPro(BatchSystem):
    """PBS Pro, and OpenPBS. Torque is another one: it numbers the elements of an array with ``-t``."""

    name = "pbs"
    submits = "qsub"
    prefix = "#PBS"

    def is_available(self) -> bool:
        """Grid Engine has a command of the same name, and this one not."""
        return super().is_available() and which("qconf") is None

    def states(self, jobs: Sequence[str]) -> Mapping[str, States]:
        """qstat knows a job for as long as the server keeps its history."""
        done = call(["qstat", "-x", "-t", *jobs])
        # It fails if one of the jobs is not known any more, and says what is known of the others.
        if done.returncode and not re.search(r"Unknown Job|has finished", done.stderr):
            raise UserError(f"qstat does not say what became of the jobs: {message_of(done)}")
        found = {job: States() for job in jobs}
        by_number = {_number(job): job for job in jobs}
        for line in done.stdout.splitlines():
            words = line.split()
            match = re.match(r"(\d+)(?:\[(\d*)\])?", words[0]) if len(words) >= 3 else None
            # The line of the array itself has empty brackets.
            if match and match[1] in by_number and match[2] != "":
                found[by_number[match[1]]][_STATES.get(words[-2], "ended")] += 1
        return found

    def cancel(self, job: str) -> None:
        """What runs gets SIGTERM, and SIGKILL some seconds later."""
        self._cancel_by("qdel", job)

    def _options(self, request: Request) -> Sequence[str]:
        chunk = "".join(
            [
                f":ncpus={request.cpus}" if request.cpus is not None else "",
                f":mem={format_memory(request.memory).lower()}b" if request.memory is not None else "",
            ]
        )
        return [
            "-S /bin/bash",
            "-V",
            f"-N {name_of(request)[:_NAME]}",
            # It takes no array of one element.
            *([f"-J 1-{request.n}"] if request.n > 1 else []),
            "-j oe",
            "-o " + quoted(f"{request.output}/"),
            *([f"-l walltime={format_time(request.time)}"] if request.time is not None else []),
            *([f"-l select=1{chunk}"] if chunk else []),
            *([f"-q {quoted(request.partition)}"] if request.partition else []),
        ]

    def _submission(self, script: str) -> list[str]:
        return ["qsub", script]

    def _id_in(self, line: str) -> str:
        return line if re.match(r"\d+(\[\])?(\.|$)", line) else ""


def _number(job: str) -> str:
    return re.split(r"[\[.]", job)[0]
