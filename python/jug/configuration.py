"""Options: the built-in values, the configuration files and the command line, as one chain.

Every layer is an `Options` object that answers what it knows and asks the next layer for the rest:
command line, then the configuration files from the working directory outwards, then the built-in
values. Nothing here imports argparse or configparser before they are needed, so that `import jug`
stays cheap.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TextIO

from .errors import UserError
from .internal.console import stream, warn
from .internal.option_spec import OptionSpec, defaults_of
from .internal.redact import redact_url

SYNC_MODES = ("group", "always")
CLAIM_MODES = ("auto", "posix", "link")
CODE_CHANGE_MODES = ("ignore", "warn", "rerun")

COMMON_OPTIONS = (
    OptionSpec(
        "jugdir",
        ("--jugdir",),
        "%(jugfile)s.jugdata",
        help="where results are kept; %%(jugfile)s and %%(date)s are replaced by the jugfile's name "
        "without .py and by today's date (default: %%(jugfile)s.jugdata)",
    ),
    OptionSpec(
        "sync",
        ("--sync",),
        "group",
        choices=SYNC_MODES,
        help="'group' (default) makes results durable within 50 ms of being stored, 'always' before the "
        "next task starts",
    ),
    OptionSpec(
        "claims",
        ("--claims",),
        "auto",
        choices=CLAIM_MODES,
        help="how workers claim tasks in a jugdir that has to be created: 'posix' for one host, 'link' for "
        "any number; 'auto' (default) goes by the filesystem",
    ),
    OptionSpec(
        "aggressive_unload",
        ("--aggressive-unload",),
        False,
        help="drop every result from memory as soon as possible",
    ),
    OptionSpec(
        "verbose",
        ("--verbose",),
        "quiet",
        metavar="LEVEL",
        help="how much to report: quiet (default), info or debug",
    ),
    OptionSpec("short", ("--short",), False, help="print one line instead of a table"),
    OptionSpec("pdb", ("--pdb",), False, help="open the debugger when a task fails (implies --debug)"),
    OptionSpec(
        "debug",
        ("--debug",),
        False,
        help="also check that tasks leave their arguments unchanged; slower",
    ),
    OptionSpec(
        "watch_code",
        ("--watch-code",),
        "",
        metavar="MODULES",
        help="modules and packages, with commas between them, whose code counts as the jugfile's own; "
        "what is in the jugfile's directory or below always does",
    ),
    OptionSpec(
        "on_code_change",
        ("--on-code-change",),
        None,
        choices=CODE_CHANGE_MODES,
        help="what to do about results of other code than that of today: 'ignore' (what execute does by "
        "default), 'warn' (what status does), or 'rerun' their tasks",
    ),
    OptionSpec("will_cite", ("--will-cite",), False, help="do not print the request to cite jug"),
)
"""What every command takes beside the jugfile."""

#: The built-in values of these, and of what is no option of the command line.
COMMON_DEFAULTS: dict[str, Any] = {
    **defaults_of(COMMON_OPTIONS),
    "jugfile": "jugfile.py",
    "subcommand": None,
    "argv": None,
    "print_out": print,
}
_FALSE = frozenset(("", "0", "false", "off", "no", "n"))
# The section users expect for a command whose options are stored under another prefix.
_SECTION_PREFIX = {"invalidate": "invalid"}


class Options:
    """One layer of options; what it does not hold is looked up in the next layer.

    Parameters
    ----------
    next : Options or None
        The layer asked for attributes that are not set here.
    autoinit : bool, default False
        Whether the built-in values are loaded the first time an attribute is missing.
    """

    next: Options | None

    def __init__(self, next: Options | None, autoinit: bool = False) -> None:
        self.next = next
        self._autoinit = autoinit

    def __getattr__(self, name: str) -> Any:
        # Only called for what this layer does not hold. Dunder lookups (copy, pickle) are not options.
        if name.startswith("__") or "next" not in self.__dict__:
            raise AttributeError(name)
        if self._autoinit:
            self._autoinit = False
            load_default_options(self)
            return getattr(self, name)
        if self.next is None:
            raise AttributeError(f"jug has no option {name!r}")
        return getattr(self.next, name)

    def copy(self) -> Options:
        """A copy of this layer.

        Returns
        -------
        Options
            A layer with the same values on top of the same next layer.
        """
        twin = Options(self.next)
        twin.__dict__.update(self.__dict__)
        return twin

    def update(self, dict: Mapping[str, Any]) -> None:
        """Sets options of this layer.

        Parameters
        ----------
        dict : mapping of str to any
            Their values by name.
        """
        self.__dict__.update(dict)


default_options = Options(None, autoinit=True)
"""The built-in values, those of every subcommand included; filled in when first asked."""


_sources: list[Callable[[], Mapping[str, Any]]] = []


def add_defaults(source: Callable[[], Mapping[str, Any]]) -> Callable[[], Mapping[str, Any]]:
    """Decorator: what the function returns counts among the default options.

    Parameters
    ----------
    source : callable
        Returns values by the names of the options; called when the defaults are first needed.

    Returns
    -------
    callable
        `source`.
    """
    _sources.append(source)
    return source


def load_default_options(opt: Options) -> None:
    """Adds the built-in values of jug and of all subcommands to a layer.

    Parameters
    ----------
    opt : Options
        The layer; what is set in it already stays.
    """
    defaults = dict(COMMON_DEFAULTS)
    for source in _sources:
        defaults.update(source())
    opt.__dict__.update({k: v for k, v in defaults.items() if k not in opt.__dict__})


def key_to_option(s: str) -> str:
    """The attribute name of an option.

    Parameters
    ----------
    s : str
        The option as written in a file or on the command line.

    Returns
    -------
    str
        The same with ``_`` in place of ``-``.
    """
    return s.replace("-", "_")


def _str_to_bool(text: str) -> bool:
    return text.strip().lower() not in _FALSE


def _typed(text: str, default: Any) -> Any:
    """`text` as the type of `default`; ValueError where that is impossible."""
    if isinstance(default, bool):
        return _str_to_bool(text)
    if isinstance(default, int):
        return int(text)
    if isinstance(default, float):
        return float(text)
    return text


# --- configuration files ------------------------------------------------------------------------


def find_local_configuration_files() -> list[str]:
    """The `.jugrc` and `jugrc` files that apply to the working directory.

    They are searched in the working directory and, inside a git work tree, in every directory from
    there up to the root of the work tree.

    Returns
    -------
    list of str
        Their paths, strongest first.
    """
    found = []
    for directory in _up_to_git_root(os.getcwd()):
        for name in (".jugrc", "jugrc"):
            path = os.path.join(directory, name)
            if os.path.isfile(path):
                found.append(path)
    return found


def _up_to_git_root(start: str) -> list[str]:
    directories = [start]
    while not os.path.exists(os.path.join(directories[-1], ".git")):
        parent = os.path.dirname(directories[-1])
        if parent == directories[-1]:
            return [start]
        directories.append(parent)
    return directories


def _user_configuration_file() -> str | None:
    for path in ("~/.config/jug/jugrc", "~/.config/jugrc", "~/.jug/configrc"):
        expanded = os.path.expanduser(path)
        if os.path.isfile(expanded):
            return expanded
    return None


def read_configuration_file(fp: TextIO | None = None, default_options: Options | None = None) -> Options:
    """Reads configuration on top of `default_options`.

    Parameters
    ----------
    fp : file object, optional
        What to read. By default the user's own configuration file and, stronger, the local ones.
    default_options : Options, optional
        The next layer. It also gives each value its type; without it, values stay strings.

    Returns
    -------
    Options
        The uppermost of the new layers; an empty one if there is no file.

    Raises
    ------
    UserError
        Where a file is not readable, not valid INI, or a value has the wrong type.
    """
    if fp is not None:
        return _parse_configuration(fp, getattr(fp, "name", "<configuration>"), default_options)
    paths = find_local_configuration_files()
    user = _user_configuration_file()
    if user is not None and not any(os.path.samefile(user, path) for path in paths):
        paths.append(user)
    layers = Options(default_options)
    for path in reversed(paths):
        try:
            with open(path, encoding="utf-8") as file:
                layers = _parse_configuration(file, path, layers)
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or error
            raise UserError(f"cannot read the configuration file {path}: {reason}") from None
    return layers


def _parse_configuration(fp: TextIO, path: str, defaults: Options | None) -> Options:
    text = fp.read()
    layer = Options(defaults)
    for section, key, value in _ini_items(text, path):
        prefix = "" if section == "main" else _SECTION_PREFIX.get(section, section) + "_"
        option = key_to_option(prefix + key)
        try:
            setattr(layer, option, _typed(value, getattr(defaults, option, None)))
        except ValueError:
            where = f"{path}:{_line_of(text, section, key)}"
            kind = "a whole number" if isinstance(getattr(defaults, option), int) else "a number"
            raise UserError(f"{where}: {key} in section [{section}] must be {kind}, not {value!r}") from None
    return layer


def _ini_items(text: str, path: str) -> Iterator[tuple[str, str, str]]:
    """Yields (section, key, value) of an INI text."""
    import configparser

    parser = configparser.RawConfigParser()
    try:
        parser.read_string(text, path)
    except configparser.MissingSectionHeaderError as error:
        raise UserError(f"{path}:{error.lineno}: expected a section such as [main] first") from None
    except configparser.ParsingError as error:
        raise UserError(f"{path}:{error.errors[0][0]}: expected `option = value` or `[section]`") from None
    except (configparser.DuplicateOptionError, configparser.DuplicateSectionError) as error:
        what = f"section [{error.section}]"
        if isinstance(error, configparser.DuplicateOptionError):
            what = f"{error.option} in {what}"
        raise UserError(f"{path}:{error.lineno}: {what} appears twice") from None
    for section in parser.sections():
        for key, value in parser.items(section):
            yield section, key, value


def _line_of(text: str, section: str, key: str) -> int:
    current = ""
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if stripped.startswith("["):
            current = stripped[1:].partition("]")[0]
        elif current == section and stripped.replace(":", "=").partition("=")[0].strip().lower() == key:
            return number
    return 1


def expand_jugdir(jugdir: str, jugfile: str) -> str:
    """Replaces `%(date)s` and `%(jugfile)s` in a jugdir; `%%` stands for a percent sign.

    Parameters
    ----------
    jugdir : str
        The value of --jugdir.
    jugfile : str
        The path of the jugfile, which is inserted without ``.py``.

    Returns
    -------
    str
        The name of the jugdir. The date is today's, as in 2026-01-31.

    Raises
    ------
    UserError
        If anything else is to be replaced.
    """
    if "%" not in jugdir:
        return jugdir
    values = {"jugfile": jugfile.removesuffix(".py")}
    if "%(date)s" in jugdir:
        import datetime

        values["date"] = datetime.date.today().isoformat()
    try:
        return jugdir % values
    except (KeyError, ValueError, TypeError):
        raise UserError(
            f"cannot expand the jugdir {redact_url(jugdir)!r}: only %(date)s and %(jugfile)s may be "
            "used (write %% for %)"
        ) from None


def start_logging(options: Options) -> None:
    """Sends log messages to stderr from the level of --verbose on; with `quiet` nothing is changed.

    Parameters
    ----------
    options : Options
        Its `verbose` is the level: quiet, debug, info, warning, error or critical. For any other, a
        warning is printed.
    """
    level = str(options.verbose).lower()
    if level == "quiet":
        return
    import logging

    number = logging.getLevelNamesMapping().get(level.upper())
    if number is None:
        warn(f"unknown --verbose level {level!r} (use quiet, info or debug)")
        return
    logging.basicConfig(level=number, format="%(levelname)s: %(message)s", stream=stream)
    logging.getLogger().setLevel(number)
