"""Ends pytask though threads of it still run tasks that cannot be ended."""

from __future__ import annotations

import os
import threading

import click
from pytask import Session

from ..internal.printing import flush_output

__all__ = ["leave_with"]


def leave_with(session: Session) -> None:
    """Has the command end with the exit code of the session, and wait for no thread.

    A program that has called ``pytask.build`` goes on, and waits for them at its own end.
    """
    if click.get_current_context(silent=True) is None:
        return

    def leave() -> None:
        flush_output()
        # A second interrupt may have come before pytask has set it: no interrupted session has succeeded.
        os._exit(int(session.exit_code) or 1)

    # What is registered last is called first: before the executors, which wait.
    threading._register_atexit(leave)  # type: ignore[attr-defined]
