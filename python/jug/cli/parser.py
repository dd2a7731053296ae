"""From the words of the command line to options."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn, TextIO

from ..configuration import (
    CLAIM_MODES,
    COMMON_DEFAULTS,
    SYNC_MODES,
    Options,
    default_options,
    expand_jugdir,
    read_configuration_file,
)
from ..errors import UserError
from ..internal.argument_parser import ArgumentParser
from ..internal.console import fail
from ..internal.option_spec import excluded_by
from ..io import get_terminal_size
from .arguments import add_arguments, overview_text
from .registry import NoSuchCommandError, cmdapi

_SHELLS = ("bash", "zsh", "tcsh")


def _formatter(prog: str) -> argparse.HelpFormatter:
    # argparse makes one for each option that is added, and imports shutil for the width if it is not given.
    return argparse.HelpFormatter(prog, width=get_terminal_size()[0] - 2)


class _Parser(ArgumentParser):
    """Errors are one line that says where to read on."""

    def __init__(self, **options: Any) -> None:
        super().__init__(formatter_class=_formatter, **options)

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


def build_parser() -> argparse.ArgumentParser:
    """The parser of the whole command line, with every subcommand.

    Returns
    -------
    argparse.ArgumentParser
        A new parser.
    """
    parser = top_level_parser(cmdapi.overview())
    subparsers = parser.add_subparsers(title="subcommands", dest="subcommand", metavar="SUBCOMMAND")
    cmdapi.get_subcommand_parsers(subparsers)
    return parser


def parse(args: Sequence[str] | None = None, optionsfile: TextIO | None = None) -> Options:
    """Reads the command line and the configuration files.

    Sets `sys.argv` to what the jugfile shall see: its own name, then the user's arguments.

    Parameters
    ----------
    args : sequence of str, optional
        The command line without the program's name. Default: `sys.argv[1:]`.
    optionsfile : file object, optional
        A configuration to read instead of the usual files.

    Returns
    -------
    Options
        The command line, on top of the configuration files and the built-in values.

    Raises
    ------
    SystemExit
        After --help or --version (0), on wrong usage (2), and for an empty command line (1).
    UserError
        Where a configuration file is wrong or --jugdir cannot be expanded.
    """
    given = parse_command_line(list(sys.argv[1:] if args is None else args))
    # Only the defaults of the command that runs are needed; the rest load when somebody asks.
    for name, value in cmdapi.defaults_of(given["subcommand"]).items():
        default_options.__dict__.setdefault(name, value)
    for name, value in COMMON_DEFAULTS.items():
        default_options.__dict__.setdefault(name, value)
    options = Options(read_configuration_file(optionsfile, default_options))
    options.update(given)
    if options.pdb:
        options.update({"debug": True})
    if options.sync not in SYNC_MODES:
        raise UserError(f"sync must be one of {', '.join(SYNC_MODES)}, not {options.sync!r}")
    if options.claims not in CLAIM_MODES:
        raise UserError(f"claims must be one of {', '.join(CLAIM_MODES)}, not {options.claims!r}")
    options.update({"jugdir": expand_jugdir(options.jugdir, options.jugfile)})
    # In place, for code that holds this very list already.
    sys.argv[:] = [options.jugfile, *options.user_args]
    return options


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
    if getattr(command, "passes_words_on", False):
        return {"user_args": args[1:], "subcommand": command.name}
    split = args.index("--") if "--" in args else len(args)
    parser = _Parser(
        prog=f"jug {command.name}",
        usage=f"jug {command.name} {command.usage}",
        description=cmdapi.help_of(command.name),
    )
    add_arguments(parser, command.name, command.parse)
    given = {k: v for k, v in vars(parser.parse_intermixed_args(args[1:split])).items() if v is not None}
    given.update(excluded_by(given, command.option_specs))
    given = command.normalize_args({"user_args": [], **given})
    return _with_user_args(given, args[split + 1 :]) | {"subcommand": command.name}


def _with_user_args(given: dict[str, Any], after_dashes: list[str]) -> dict[str, Any]:
    """Adds what stands after `--`: the jugfile first if none was named, unless it looks like an option.

    A command whose words mean something else has taken them away: its jugfile is among them or nowhere.
    """
    may_be_jugfile = "user_args" in given and "jugfile" not in given
    if may_be_jugfile and after_dashes and not after_dashes[0].startswith("-"):
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
    argcomplete.autocomplete(build_parser())
