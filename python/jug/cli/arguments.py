"""What every command takes, and the text of `jug --help`."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Callable, Sequence
from typing import Any

from ..configuration import COMMON_OPTIONS
from ..internal.option_spec import add_options
from ..jug_version import CITATION

__all__ = ["add_arguments", "add_common_options", "overview_text", "split_words"]

_OVERVIEW = """\
usage: jug SUBCOMMAND [JUGFILE] [OPTIONS] [-- ARGUMENTS OF THE JUGFILE]

Runs the tasks that a Python script (the jugfile) creates, and remembers their
results. Any number of 'jug execute' may work on one jugfile at once: they
share its tasks.

First steps:
  jug demo                 make a directory with a small jugfile to play with
  jug status primes.py     what waits, is ready, runs, is done
  jug execute primes.py    run what is left to do; start several for more speed
  jug shell primes.py      look at the results

Subcommands:
{commands}

Options:
  -h, --help    this text; 'jug SUBCOMMAND --help' for one subcommand
  --version     print the version
  --print-completion SHELL
                print completions for bash, zsh or tcsh (needs shtab)

Without JUGFILE, jugfile.py is used. If jug helps a publication, please cite
{citation}
"""


def overview_text(commands: Sequence[tuple[str, str]]) -> str:
    """What `jug --help` prints."""
    lines = (f"  {name:<14} {text}" for name, text in commands)
    return _OVERVIEW.format(commands="\n".join(lines), citation=CITATION)


def add_common_options(parser: argparse.ArgumentParser) -> None:
    """Adds the jugfile and the options that every subcommand takes.

    Parameters
    ----------
    parser : argparse.ArgumentParser
        Where to add them.
    """
    parser.add_argument("jugfile", nargs="?", help="the script that creates the tasks (default: jugfile.py)")
    add_options(parser.add_argument_group("common options"), COMMON_OPTIONS)


def add_arguments(parser: argparse.ArgumentParser, name: str, add_own: Callable[[Any], object]) -> None:
    """Adds to `parser` the options of a command, the common ones, and the jugfile's arguments.

    Parameters
    ----------
    parser : argparse.ArgumentParser
    name : str
        The command.
    add_own : callable
        Adds the command's own options to a group, which offers what a command needs of a parser.
    """
    parser.argument_default = argparse.SUPPRESS
    add_own(parser.add_argument_group(f"options of {name}", argument_default=argparse.SUPPRESS))
    add_common_options(parser)
    parser.add_argument("user_args", nargs="*", help="what the jugfile sees in sys.argv (put -- before it)")


def split_words(given: dict[str, Any], dest: str) -> dict[str, Any]:
    """Tells the jugfile from words of another meaning, of which there may be any number beside it.

    Parameters
    ----------
    given : dict
        As :meth:`jug.subcommands.SubCommand.normalize_args` gets it; it is changed.
    dest : str
        The option that gets a list of the other words. What is of hexadecimal digits only is one of them,
        whatever files there are.

    Returns
    -------
    dict
        The same.
    """
    words = [given.pop("jugfile", None), *given.pop("user_args", [])]
    given[dest] = []
    for word in words:
        if word is None:
            continue
        if "jugfile" not in given and _looks_like_jugfile(word):
            given["jugfile"] = word
        else:
            given[dest].append(word)
    return given


def _looks_like_jugfile(word: str) -> bool:
    return word.endswith(".py") or (not re.fullmatch("[0-9a-fA-F]*", word) and os.path.isfile(word))
