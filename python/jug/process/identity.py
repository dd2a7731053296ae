"""Who a worker is, as others on the same machine can check, and whether such a one is still there."""

from __future__ import annotations

import os
from typing import Any

from .. import _native

__all__ = ["facts_here", "is_dead", "new_id"]


def new_id() -> str:
    """An id for this process that no other has: ``<host>.<pid>.<12 random hexadecimal digits>``."""
    host = "".join(
        c if c.isascii() and c.isalnum() else "_" for c in os.uname().nodename.split(".")[0].lower()
    )
    return f"{host[:32] or 'host'}.{os.getpid()}.{os.urandom(6).hex()}"


def facts_here() -> str:
    """What other workers need to know of this process, in JSON."""
    import json
    import time

    facts = {
        **_machine(),
        "pid": os.getpid(),
        "pid_start": _process(os.getpid())[1],
        "started": time.time(),
        "version": _native.__version__,
    }
    return json.dumps(facts)


def is_dead(facts: dict[str, Any]) -> bool:
    """Whether the process of these facts ran on this machine and has ended. False where that is not known."""
    if not facts.get("boot_id") or {name: facts.get(name) for name in _machine()} != _machine():
        return False
    state, start = _process(int(facts.get("pid", 0)))
    return state in ("", "Z", "X") or start != facts.get("pid_start")


def _machine() -> dict[str, str]:
    """What processes have in common that see each other's process ids."""
    try:
        namespace = os.readlink("/proc/self/ns/pid")
    except OSError:
        namespace = ""
    return {
        "host": os.uname().nodename,
        "boot_id": _read("/proc/sys/kernel/random/boot_id").strip(),
        "pid_ns": namespace,
    }


def _process(pid: int) -> tuple[str, int]:
    """A process's state (a letter; nothing: there is none) and when it began, in clock ticks since boot."""
    # The program's name stands in parentheses and may hold blanks and parentheses itself.
    fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return (fields[0], int(fields[19])) if len(fields) > 19 else ("", 0)


def _read(path: str) -> str:
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""
