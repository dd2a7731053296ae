"""No stamps are kept."""

from __future__ import annotations

from typing import Any

from . import BaseLiveness

__all__ = ["DummyLiveness"]


class DummyLiveness(BaseLiveness):
    """Keeps no stamp; a check always passes."""

    def write(self) -> None:
        """Does nothing."""

    def read(self) -> dict[str, Any]:
        """A stamp of now."""
        return self.get_state()
