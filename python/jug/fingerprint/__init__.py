"""What code is behind a result: a fingerprint of a function and of what it reaches in the user's modules."""

from __future__ import annotations

from .reached import Fingerprint, fingerprint
from .watched import Watched

__all__ = ["Fingerprint", "Watched", "fingerprint"]
