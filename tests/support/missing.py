"""What to do where something is not there that a test needs, and that can be installed."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest

__all__ = ["missing"]


def missing(what: str) -> NoReturn:
    """Skips the test; under CI, which installs everything, it fails.

    Parameters
    ----------
    what : str
        What is missing, in a sentence.
    """
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)
