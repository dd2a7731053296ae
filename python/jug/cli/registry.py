"""The subcommands of `jug`: where they are found, how they are registered, how they are run.

A subcommand's module is imported when that subcommand is asked for, all of them only for an overview.
Users add their own in `~/.config/jug/jug_user_commands.py`: a subclass of `SubCommand` and an instance
of it, which registers itself.
"""

from __future__ import annotations

import os
from abc import ABCMeta, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..configuration import Options, default_options
from ..internal.console import show, warn
from ..internal.option_spec import OptionSpec, add_options, defaults_of
from ..jug_version import CITATION
from .arguments import add_arguments, overview_text

if TYPE_CHECKING:
    import argparse

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

_MODULES = {
    "accept": "accept",
    "adopt": "adopt",
    "check": "check",
    "cleanup": "cleanup",
    "count": "count",
    "debug": "debug",
    "demo": "demo",
    "execute": "execute",
    "explain": "explain",
    "export": "export",
    "failures": "failures",
    "fsck": "fsck",
    "graph": "graph",
    "init-store": "init_store",
    "install-skills": "install_skills",
    "invalidate": "invalidate",
    "pack": "pack",
    "provenance": "provenance",
    "retry": "retry",
    "runjob": "runjob",
    "shell": "shell",
    "sleep-until": "check",
    "status": "status",
    "submit": "submit",
    "test-jug": "internal_validation",
    "webstatus": "webstatus",
}
_USER_COMMANDS = "~/.config/jug/jug_user_commands.py"


def maybe_print_citation_info(options: Options) -> None:
    """Asks to cite jug, unless `will_cite` is set."""
    if options.will_cite:
        return
    options.print_out("If jug helps a publication of yours, please cite")
    options.print_out(CITATION)
    options.print_out("\n(--will-cite, or will_cite = true in a jugrc file, leaves this out)\n")


class SubCommandError(Exception):
    """A subcommand is defined wrongly."""


class NoSuchCommandError(Exception):
    """There is no subcommand of that name."""


class SubCommand(metaclass=ABCMeta):
    """A command `jug NAME`. Creating an instance registers it.

    Attributes
    ----------
    name : str
        What the user types.
    needs_jugfile : bool, default True
        Whether the jugfile is to be loaded before `run` is called. A command that needs none, or loads it
        itself, sets this to False; it gets `store` and `jugspace` as None.
    needs_values : bool, default True
        Whether it is an error if the jugfile uses a result that cannot be loaded. Where not, that ends the
        loading as a barrier does that is not met.
    passes_words_on : bool, default False
        Whether all that follows its name, ``-h`` and other options too, is for the command itself: it gets
        them as `user_args`.
    usage : str
        What may follow the name, for the help text.
    option_specs : sequence of jug.internal.option_spec.OptionSpec
        Its own options.
    """

    needs_jugfile: bool = True
    needs_values: bool = True
    passes_words_on: bool = False
    option_specs: Sequence[OptionSpec] = ()
    usage = "[JUGFILE] [OPTIONS] [-- ARGUMENTS OF THE JUGFILE]"

    def __init__(self) -> None:
        cmdapi._register(self.name, self)

    @property
    @abstractmethod
    def name(self) -> str:
        """What the user types."""

    @abstractmethod
    def run(self, *args: Any, **kwargs: Any) -> int | None:
        """Does the work; the return value is the exit status, None stands for 0.

        It is called with the keywords `options`, `store` and `jugspace` and names those it wants.
        """

    def parse(self, parser: argparse.ArgumentParser) -> None:
        """Adds the command's own options, which are its `option_specs`, to a parser or argument group."""
        add_options(parser, self.option_specs)

    def parse_defaults(self) -> dict[str, Any] | None:
        """The built-in values of the command's options, by the name under which they are stored."""
        return dict(defaults_of(self.option_specs))

    def normalize_args(self, given: dict[str, Any]) -> dict[str, Any]:
        """What the command line sets, where the words on it mean something else than is usual.

        `given` has the first word as `jugfile`, and the others (before ``--``) as `user_args`. A command that
        takes `user_args` away gets only arguments of the jugfile after ``--``, never the jugfile itself.
        """
        return given

    def interrupt_message(self, options: Options) -> str:
        """What is printed beside "interrupted" where Ctrl-C ends the command; by default nothing."""
        return ""

    def __call__(self, *args: Any, **kwargs: Any) -> int | None:
        """The same as `run`."""
        return self.run(*args, **kwargs)


class SubCommandDict(dict[str, SubCommand]):
    """The registered subcommands by name; one that is missing is imported when it is asked for."""

    _user_commands_loaded = False

    def __getitem__(self, command: str) -> SubCommand:
        if command not in self:
            self.load_commands(command)
        return super().__getitem__(command)

    def load_commands(self, stop_on_command: str | None = None) -> None:
        """Imports every subcommand, or only `stop_on_command` where that is one of jug's own."""
        import importlib

        wanted = _MODULES if stop_on_command is None else {stop_on_command} & _MODULES.keys()
        for name in wanted:
            if name not in self:
                importlib.import_module(f"jug.subcommands.{_MODULES[name]}")
        self._load_user_commands()

    def _load_user_commands(self) -> None:
        path = os.path.expanduser(_USER_COMMANDS)
        if self._user_commands_loaded or not os.path.exists(path):
            return
        self._user_commands_loaded = True
        namespace = {"__name__": "jug_user_commands", "__file__": path}
        try:
            with open(path, "rb") as source:
                exec(compile(source.read(), path, "exec"), namespace)
        except Exception as error:
            from ..internal.tracebacks import users_traceback

            show(users_traceback(error))
            warn(
                f"{path} does not load (see above): the commands that it defines after that line are missing"
            )


class SubCommandManager:
    """Finds and runs subcommands."""

    def __init__(self) -> None:
        self._commands = SubCommandDict()

    @property
    def default_options(self) -> Any:
        """The built-in values of all options."""
        return default_options

    def _register(self, name: str, command: SubCommand) -> None:
        if not isinstance(name, str) or not name:
            raise SubCommandError(f"{type(command).__name__}.name must be a string that users can type")
        known = dict.get(self._commands, name)
        if known is not None and type(known) is not type(command):
            warn(f"the command {name!r} is replaced by {type(command).__name__}")
        self._commands[name] = command

    def get(self, command: str) -> SubCommand:
        """The subcommand of that name. NoSuchCommandError if there is none."""
        try:
            return self._commands[command]
        except KeyError:
            raise NoSuchCommandError(f"there is no subcommand {command!r}") from None

    def names(self) -> list[str]:
        """The names of all subcommands, sorted."""
        self._commands.load_commands()
        return sorted(self._commands)

    def defaults(self) -> dict[str, Any]:
        """The built-in values of all subcommands' options."""
        return {option: value for name in self.names() for option, value in self.defaults_of(name).items()}

    def overview(self) -> list[tuple[str, str]]:
        """The name of every subcommand and one line about it."""
        return [(name, self.help_of(name)) for name in self.names()]

    def help_of(self, name: str) -> str:
        """The first line of a subcommand's docstring."""
        return (type(self.get(name)).__doc__ or "").strip().partition("\n")[0].strip()

    def defaults_of(self, name: str) -> dict[str, Any]:
        """The built-in values of a subcommand's options."""
        return dict(self.get(name).parse_defaults() or {})

    def update_defaults(self, name: str) -> None:
        """Adds the built-in values of a subcommand's options to the default options."""
        self.default_options.update(self.defaults_of(name))

    def get_subcommand_parsers(self, subparsers: Any) -> None:
        """Adds a parser for each subcommand to what `ArgumentParser.add_subparsers` returned."""
        for name, text in self.overview():
            command = self.get(name)
            add_arguments(subparsers.add_parser(name, help=text, description=text), name, command.parse)

    def run(self, command: str, *args: Any, **kwargs: Any) -> int | None:
        """Runs a subcommand and returns its exit status; an unknown one prints an overview and exits (1)."""
        try:
            found = self.get(command)
        except NoSuchCommandError as error:
            self.usage(str(error), exit=False)
            raise SystemExit(1) from None
        return found(*args, **kwargs)

    def usage(
        self, error: str = "", exit: bool = True, _print: bool = True, *args: Any, **kwargs: Any
    ) -> str:
        """The overview of `jug --help`.

        Parameters
        ----------
        error : str, optional
            Added at the end.
        exit : bool, optional
            Whether to end the program with status 1 afterwards. Default: True.
        _print : bool, optional
            Whether to print the text. It is returned in any case.
        """
        text = overview_text(self.overview()) + (f"\n{error}\n" if error else "")
        if _print:
            print(text, end="")
        if exit:
            raise SystemExit(1)
        return text


#: All subcommands: the one manager that the command line uses.
cmdapi = SubCommandManager()
