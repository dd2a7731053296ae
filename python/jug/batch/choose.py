"""Which batch systems there are, and which one is here."""

from __future__ import annotations

from ..errors import UserError
from .base import BatchSystem
from .pbs import PbsPro
from .sge import GridEngine
from .slurm import Slurm

__all__ = ["SYSTEMS", "choose"]

#: All of them by name, in the order in which they are looked for.
SYSTEMS: dict[str, BatchSystem] = {system.name: system for system in (Slurm(), GridEngine(), PbsPro())}


def choose(name: str = "") -> BatchSystem:
    """The batch system of that name; without one, that whose commands are on the path.

    Raises
    ------
    UserError
        If there is none of that name (status 2), or none is here.
    """
    if name:
        if name not in SYSTEMS:
            raise UserError(f"--system must be one of {', '.join(SYSTEMS)}, not {name!r}", status=2)
        return SYSTEMS[name]
    for system in SYSTEMS.values():
        if system.is_available():
            return system
    raise UserError(
        "there is no batch system on the path (sbatch of SLURM, qsub of Grid Engine or PBS Pro): run this "
        "where jobs can be submitted"
    )
