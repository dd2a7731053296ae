"""The names of jugdirs without the passwords that URLs may hold."""

from __future__ import annotations

__all__ = ["redact_url"]


def redact_url(jugdir: str) -> str:
    """The name of a jugdir without the user and the password that a URL may hold; a path stays as it is."""
    scheme, separator, rest = jugdir.partition("://")
    if not separator:
        scheme, separator, rest = jugdir.partition(":")
        if scheme not in ("redis", "rediss"):
            return jugdir
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"
