"""The subcommands of `jug`, a module each; users' own derive from `SubCommand`, as these do."""

from __future__ import annotations

from ..cli.registry import (
    CITATION,
    NoSuchCommandError,
    Options,
    SubCommand,
    SubCommandDict,
    SubCommandError,
    SubCommandManager,
    cmdapi,
    maybe_print_citation_info,
)

__all__ = [
    "CITATION",
    "NoSuchCommandError",
    "Options",
    "SubCommand",
    "SubCommandDict",
    "SubCommandError",
    "SubCommandManager",
    "cmdapi",
    "maybe_print_citation_info",
]
