"""Writes a jugdir as jug 2.7 does."""

from pathlib import Path
from typing import Any

from jug.backends.encode import encode
from jug.legacy.values import write_value


def key(n: int) -> bytes:
    """The key of an imagined task."""
    return b"%02x%038x" % (n % 256, n)


def write(jugdir: Path, values: dict[bytes, Any]) -> None:
    """Loose files as jug 2.7 writes them."""
    for name, value in values.items():
        path = place(jugdir, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "wb") as file:
            write_value(value, file)


def write_pack(jugdir: Path, values: dict[bytes, Any]) -> Path:
    """A pack as jug 2.7 writes it."""
    (jugdir / "packs").mkdir(parents=True, exist_ok=True)
    path = jugdir / "packs" / "jugpack"
    path.write_bytes(encode(values))
    return path


def place(jugdir: Path, name: bytes) -> Path:
    """Where a result is."""
    return jugdir / name[:2].decode() / name[2:].decode()
