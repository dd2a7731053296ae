"""Runs other programs for their answer, and waits for that no longer than somebody would."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence

__all__ = ["answer_of"]


def answer_of(command: Sequence[str], patience: float) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end, with its messages in English, and without anything to read.

    Parameters
    ----------
    command : sequence of str
    patience : float
        How many seconds it may take.

    Raises
    ------
    OSError
        If it cannot be run.
    subprocess.TimeoutExpired
        If it takes longer; it is ended.
    """
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=patience,
        env={**os.environ, "LC_ALL": "C"},
    )
