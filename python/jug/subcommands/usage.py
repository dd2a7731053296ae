"""The command line as text: what is parsed, and what `jug --help` says."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING, Any, NoReturn

from ..internal.console import fail
from . import NoSuchCommandError, cmdapi

if TYPE_CHECKING:
    from collections.abc import Sequence

    from . import SubCommand

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
_SHELLS = ("bash", "zsh", "tcsh")


def overview_text(commands: Sequence[tuple[str, str]]) -> str:
    """What `jug --help` prints."""
    from . import CITATION

    lines = (f"  {name:<14} {text}" for name, text in commands)
    return _OVERVIEW.format(commands="\n".join(lines), citation=CITATION)


class _Parser(argparse.ArgumentParser):
    """Errors are one line that says where to read on."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"jug: error: {message} (see '{self.prog} --help')\n")


class _TopLevelParser(_Parser):
    """The parser of what may stand before or instead of a subcommand."""

    commands: Sequence[tuple[str, str]] = ()

    def format_help(self) -> str:
        return overview_text(self.commands)


class _PrintCompletion(argparse.Action):
    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        try:
            import shtab
        except ImportError:
            parser.exit(1, "jug: error: --print-completion needs the package shtab: pip install shtab\n")
        from ..options import build_parser

        print(shtab.complete(build_parser(), values))
        parser.exit(0)


def top_level_parser(commands: Sequence[tuple[str, str]]) -> argparse.ArgumentParser:
    """A parser for --help, --version and --print-completion."""
    from .._native import __version__

    parser = _TopLevelParser(prog="jug")
    parser.commands = commands
    parser.add_argument("--version", action="version", version=f"jug-rs {__version__}")
    parser.add_argument("--print-completion", action=_PrintCompletion, choices=_SHELLS, metavar="SHELL")
    return parser


def configure(parser: argparse.ArgumentParser, command: SubCommand) -> None:
    """Adds to `parser` the options of a subcommand, the common ones, and the jugfile's arguments."""
    from ..options import add_common_options

    parser.argument_default = argparse.SUPPRESS
    own = parser.add_argument_group(f"options of {command.name}", argument_default=argparse.SUPPRESS)
    command.parse(own)  # type: ignore[arg-type]  # a group offers what a command needs of a parser
    add_common_options(parser)
    parser.add_argument("user_args", nargs="*", help="what the jugfile sees in sys.argv (put -- before it)")


def parse_command_line(args: list[str]) -> dict[str, Any]:
    """What the command line sets: option names and values, `subcommand` and `user_args` always among them.

    Exits after --help and the like (0), on wrong usage (2), and for an empty command line (1).
    """
    if "_ARGCOMPLETE" in os.environ:
        _offer_completions()
    if not args:
        cmdapi.usage()
    if args[0].startswith("-"):
        _parse_without_subcommand(args)
    try:
        command = cmdapi.get(args[0])
    except NoSuchCommandError:
        _unknown_subcommand(args[0])
    split = args.index("--") if "--" in args else len(args)
    parser = _Parser(
        prog=f"jug {command.name}",
        usage=f"jug {command.name} {command.usage}",
        description=cmdapi.help_of(command.name),
    )
    configure(parser, command)
    given = {k: v for k, v in vars(parser.parse_intermixed_args(args[1:split])).items() if v is not None}
    given = command.arrange(given)
    return _with_user_args(given, args[split + 1 :]) | {"subcommand": command.name}


def _with_user_args(given: dict[str, Any], after_dashes: list[str]) -> dict[str, Any]:
    """Adds what stands after `--`: the jugfile first if none was named, unless it looks like an option."""
    if "jugfile" not in given and after_dashes and not after_dashes[0].startswith("-"):
        given["jugfile"], *after_dashes = after_dashes
    return given | {"user_args": [*given.get("user_args", []), *after_dashes]}


def _parse_without_subcommand(args: list[str]) -> NoReturn:
    parser = top_level_parser(cmdapi.overview())
    parser.parse_known_args(args)
    parser.error(f"expected a subcommand before {args[0]!r}: jug SUBCOMMAND [JUGFILE] [OPTIONS]")


def _unknown_subcommand(name: str) -> NoReturn:
    import difflib

    close = difflib.get_close_matches(name, cmdapi.names(), n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    fail(f"unknown subcommand {name!r}{hint} ('jug --help' lists them)")
    raise SystemExit(2)


def _offer_completions() -> None:
    try:
        import argcomplete
    except ImportError:
        return
    from ..options import build_parser

    argcomplete.autocomplete(build_parser())
