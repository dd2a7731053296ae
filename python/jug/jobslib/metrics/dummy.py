"""Numbers go nowhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import BaseMetrics

__all__ = ["DummyMetrics"]


class DummyMetrics(BaseMetrics):
    """Drops all numbers."""

    def push(self, metrics: Mapping[str, Mapping[str, Any]]) -> None:
        """Does nothing."""
