"""Which jobslib this stands for."""

from __future__ import annotations

__all__ = ["VERSION"]

#: The version whose names, options and messages are here.
VERSION = "3.2.1"
