"""What became of jobs that were submitted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..errors import UserError
from .base import STATES, States
from .choose import SYSTEMS
from .records import Submission

__all__ = ["in_words", "states_of"]


def states_of(jobs: Sequence[Submission]) -> Mapping[Submission, States]:
    """How many elements of each job are in which state, in the same order.

    Raises
    ------
    UserError
        If a batch system is not here, or does not answer.
    """
    found = {}
    for name in dict.fromkeys(job.system for job in jobs):
        mine = [job for job in jobs if job.system == name]
        if name not in SYSTEMS:
            raise UserError(f"job {mine[0].id} was submitted to {name!r}, which this version does not know")
        states = SYSTEMS[name].states([job.id for job in mine])
        for job in mine:
            its = found[job] = states[job.id].copy()
            its["ended"] += max(0, job.n - its.total())
    return {job: found[job] for job in jobs}


def in_words(states: States) -> str:
    """That as text: 4 running, 2 pending."""
    return ", ".join(f"{states[state]} {state}" for state in STATES if states[state])
