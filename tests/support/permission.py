"""What a machine may forbid, which installing something does not change."""

from __future__ import annotations

import pytest


class NotPermitted(pytest.skip.Exception):
    """Skips a test, under CI too: a container or an account may not do what the test needs."""
