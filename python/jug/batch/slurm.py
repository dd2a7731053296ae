"""SLURM: sbatch, squeue, sacct, scancel."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from ..errors import UserError
from .base import BatchSystem, States, call, message_of, quoted
from .request import Request, format_memory, format_time

__all__ = ["Slurm"]

#: What jug says of SLURM's states; any other is a failure.
_STATES = {
    **dict.fromkeys(("RUNNING", "COMPLETING", "STAGE_OUT", "SIGNALING", "STOPPED"), "running"),
    **dict.fromkeys(("PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED"), "pending"),
    **dict.fromkeys(("SUSPENDED", "RESIZING", "SPECIAL_EXIT", "RESV_DEL_HOLD"), "pending"),
    "COMPLETED": "done",
    "CANCELLED": "cancelled",
    "PREEMPTED": "cancelled",
}

#: How many seconds before the end the stop signal comes, and which part of the time is the most: SLURM may
#: send it half a minute before that, and a short job has not much more.
_LEAD = 60
_LEAD_PART = 20

#: SLURM says when a job ends in its environment only from 23.02 on.
_ASK = """\
JUG_END_TIME=${SLURM_JOB_END_TIME:-}
if [ -z "$JUG_END_TIME" ]; then
    end=$(squeue -h -j "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID" -o %e) &&
        [ -n "$end" ] && JUG_END_TIME=$(date -d "$end" +%s 2>/dev/null)
fi
export JUG_END_TIME"""


class Slurm(BatchSystem):
    """SLURM."""

    name = "slurm"
    submits = "sbatch"
    prefix = "#SBATCH"

    def states(self, jobs: Sequence[str]) -> Mapping[str, States]:
        """squeue knows a job for some minutes after its end, sacct for longer, where there is accounting."""
        done = call(["squeue", "-h", "-a", "-r", "-t", "all", "-o", "%F_%K %T", "-j", ",".join(jobs)])
        if done.returncode and "Invalid job id" not in done.stderr:
            raise UserError(f"squeue does not say what became of the jobs: {message_of(done)}")
        found: dict[str, dict[str, str]] = {job: {} for job in jobs}
        for source in (self._accounted(jobs), done.stdout):
            for line in source.splitlines():
                # sacct has a line for each step of a job as well, and one for all that waits.
                if match := re.match(r"(\d+)_(\d+) (\w+)", line):
                    found.get(match[1], {})[match[2]] = _STATES.get(match[3], "failed")
        return {job: Counter(states.values()) for job, states in found.items()}

    def _accounted(self, jobs: Sequence[str]) -> str:
        try:
            done = call(
                ["sacct", "-n", "-X", "-P", "--delimiter= ", "-o", "JobID,State", "-j", ",".join(jobs)]
            )
        except UserError:
            return ""
        return done.stdout if done.returncode == 0 else ""

    def cancel(self, job: str) -> None:
        """What runs gets SIGTERM, and SIGKILL after SLURM's KillWait."""
        self._cancel_by("scancel", job)

    def _options(self, request: Request) -> Sequence[str]:
        # What is not known of the time is not known to be short.
        lead = _LEAD if request.time is None else max(1, min(_LEAD, request.time // _LEAD_PART))
        return [
            f"--job-name={quoted(request.name)}",
            f"--array=1-{request.n}",
            "--output=" + quoted(f"{request.output.replace('%', '%%')}/%A_%a.out"),
            *([f"--time={format_time(request.time)}"] if request.time is not None else []),
            *([f"--mem={format_memory(request.memory)}"] if request.memory is not None else []),
            *([f"--cpus-per-task={request.cpus}"] if request.cpus is not None else []),
            *([f"--partition={quoted(request.partition)}"] if request.partition else []),
            f"--signal=B:USR1@{lead}",
        ]

    def _end_time(self, request: Request) -> str:
        if request.time is None:
            return _ASK
        end = f"$(($(date +%s) + {request.time}))"
        return f"export JUG_END_TIME=${{SLURM_JOB_END_TIME:-{end}}}"

    def _submission(self, script: str) -> list[str]:
        return ["sbatch", "--parsable", script]

    def _id_in(self, line: str) -> str:
        # The name of a cluster may follow, where there are several.
        job = line.partition(";")[0]
        return job if job.isdecimal() else ""
