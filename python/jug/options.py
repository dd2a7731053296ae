"""Options: the built-in values, the configuration files and the command line, as one chain.

Every layer is an `Options` object that answers what it knows and asks the next layer for the rest:
command line, then the configuration files from the working directory outwards, then the built-in
values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .configuration import (
    Options,
    default_options,
    find_local_configuration_files,
    key_to_option,
    load_default_options,
    read_configuration_file,
)
from .engine.jugfile import set_jugdir

if TYPE_CHECKING:
    from .cli.arguments import add_common_options
    from .cli.parser import build_parser, parse

__all__ = [
    "Options",
    "add_common_options",
    "build_parser",
    "default_options",
    "find_local_configuration_files",
    "key_to_option",
    "load_default_options",
    "parse",
    "read_configuration_file",
    "set_jugdir",
]


def __getattr__(name: str) -> Any:
    # `import jug` is also the first line of every script that only wants a value: parsers can wait.
    if name == "add_common_options":
        from .cli.arguments import add_common_options

        return add_common_options
    if name in ("build_parser", "parse"):
        from .cli import parser

        return getattr(parser, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
