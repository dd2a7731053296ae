"""RO-Crates that `jug export` writes, read back by the package rocrate."""

from __future__ import annotations

from typing import Any

from tests.support.command import Jug
from tests.support.missing import missing

__all__ = ["actions", "exported"]


def exported(jug: Jug, *words: str, to: str = "out") -> Any:
    """The crate that ``jug export`` writes, read back."""
    try:
        from rocrate.rocrate import ROCrate
    except ImportError:
        missing("rocrate is not installed")
    done = jug("export", "--to", to, *words)
    assert (done.returncode, done.stderr) == (0, "")
    return ROCrate(jug.folder / to)


def actions(crate: Any) -> list[Any]:
    """The tasks in a crate, in their order."""
    return crate.get_by_type("CreateAction")
