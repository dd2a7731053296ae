"""The subcommands of `jug`, a module each; users' own derive from `SubCommand`, as these do."""

from __future__ import annotations

from ..cli.registry import *  # noqa: F403
from ..cli.registry import __all__ as __all__
