"""Leases: a named right that one holder has at a time, on any host, and that ends when its holder does."""

from __future__ import annotations

from .base import Lease, LeaseBusy, LeaseLost, Owner
from .held import lease
from .open import open_lease

__all__ = ["Lease", "LeaseBusy", "LeaseLost", "Owner", "lease", "open_lease"]
