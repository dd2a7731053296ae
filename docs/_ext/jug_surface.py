"""What the documentation says of the command line, asked of the parsers and defaults themselves."""

from __future__ import annotations

import argparse
from typing import Any, NamedTuple

from jug import options
from jug.subcommands import cmdapi

#: Where the names of a command's options begin with another word than its own.
_PREFIXES = {"invalidate": "invalid"}


class Setting(NamedTuple):
    """An option that has a default, and so a line in a jugrc file."""

    section: str
    key: str
    default: Any


def commands() -> list[str]:
    """The commands of the package: those of whoever builds the pages are none of the reader's business."""
    return [name for name in cmdapi.names() if type(cmdapi.get(name)).__module__.startswith("jug.")]


def settings() -> dict[str, Setting]:
    """Every setting, by the name of its option."""
    found = {}
    for action in common_actions():
        if action.dest in options._COMMON:
            key = action.dest.replace("_", "-")
            found[action.dest] = Setting("main", key, options._COMMON[action.dest])
    for command in commands():
        prefix = _PREFIXES.get(command, command.replace("-", "_")) + "_"
        for name, default in cmdapi.defaults_of(command).items():
            found[name] = Setting(command, name.removeprefix(prefix).replace("_", "-"), default)
    return found


def common_actions() -> list[argparse.Action]:
    """The options that every command takes, and the jugfile."""
    parser = argparse.ArgumentParser(add_help=False)
    options.add_common_options(parser)
    return parser._actions


def own_actions(command: str) -> list[argparse.Action]:
    """The options of one command only."""
    [choices] = [
        a.choices for a in options.build_parser()._actions if isinstance(a, argparse._SubParsersAction)
    ]
    others = {action.dest for action in common_actions()} | {"help", "user_args"}
    return [action for action in choices[command]._actions if action.dest not in others]


def as_text(default: Any) -> str:
    """A default as it would stand in a jugrc file, in reStructuredText."""
    if default is None:
        return "none"
    if isinstance(default, bool):
        return "yes" if default else "no"
    return f"``{default:g}``" if isinstance(default, float) else f"``{default}``"
