"""Grid Engine (SGE, Son of Grid Engine, Univa/Altair): qsub, qstat, qacct, qdel."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from shutil import which

from ..errors import UserError
from .base import BatchSystem, States, call, message_of, name_of, quoted
from .request import Request, format_memory, format_time

__all__ = ["GridEngine"]


class GridEngine(BatchSystem):
    """Grid Engine."""

    name = "sge"
    submits = "qsub"
    prefix = "#$"
    stop_signal = "USR2"

    def is_available(self) -> bool:
        """PBS has a command of the same name, but not this one."""
        return super().is_available() and which("qconf") is not None

    def states(self, jobs: Sequence[str]) -> Mapping[str, States]:
        """qstat knows what waits and runs; qacct what has ended, some seconds later."""
        from xml.etree import ElementTree

        done = call(["qstat", "-u", "*", "-g", "d", "-xml"])
        if done.returncode:
            raise UserError(f"qstat does not say what became of the jobs: {message_of(done)}")
        found: dict[str, dict[str, str]] = {job: self._accounted(job) for job in jobs}
        for entry in ElementTree.fromstring(done.stdout).iter("job_list"):
            states = found.get(entry.findtext("JB_job_number", ""))
            if states is not None:
                states[entry.findtext("tasks", "1")] = _state(entry.findtext("state", ""))
        return {job: Counter(states.values()) for job, states in found.items()}

    def _accounted(self, job: str) -> dict[str, str]:
        found = {}
        try:
            done = call(["qacct", "-j", job])
        except UserError:
            return {}
        for block in done.stdout.split("=" * 62)[1:]:
            words = dict(re.findall(r"^(\w+) +(\S+)", block, re.MULTILINE))
            has_failed = words.get("failed", "0") != "0" or words.get("exit_status", "0") != "0"
            found[words.get("taskid", "1")] = "failed" if has_failed else "done"
        return found

    def cancel(self, job: str) -> None:
        """What runs gets the stop signal, and SIGKILL after the time that its queue has for that."""
        self._cancel_by("qdel", job)

    def _options(self, request: Request) -> Sequence[str]:
        if "$" in request.output:
            raise UserError(
                f"Grid Engine puts something else in the place of $ in {request.output}, where the output of "
                "workers would go: choose another --jugdir"
            )
        limits = []
        if request.time is not None:
            limits.append(f"h_rt={format_time(request.time)}")
        if request.memory is not None:
            # This limit is that of a slot.
            limits.append(f"h_vmem={format_memory(-(-request.memory // (request.cpus or 1)))}")
        return [
            # Otherwise the queue says which shell it is.
            "-S /bin/bash",
            "-V",
            # Without it, SIGKILL comes unannounced.
            "-notify",
            f"-N {name_of(request)}",
            f"-t 1-{request.n}",
            "-j y",
            # What stands before a colon is a host.
            "-o " + quoted(f"{':' * (':' in request.output)}{request.output}/$JOB_ID_$TASK_ID.out"),
            *([f"-l {','.join(limits)}"] if limits else []),
            *([f"-pe smp {request.cpus}"] if request.cpus is not None and request.cpus > 1 else []),
            *([f"-q {quoted(request.partition)}"] if request.partition else []),
        ]

    def _submission(self, script: str) -> list[str]:
        return ["qsub", "-terse", script]

    def _id_in(self, line: str) -> str:
        match = re.match(r"\d+", line)
        return match[0] if match else ""


def _state(letters: str) -> str:
    if "E" in letters:
        return "failed"
    return "running" if re.search("[rtd]", letters) else "pending"
