"""Where the tree is that is tested."""

from pathlib import Path

__all__ = ["ROOT"]

#: The directory that holds tests/.
ROOT = Path(__file__).parents[2]
