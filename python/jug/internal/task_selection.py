"""The rules by which --name and --pattern select tasks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..errors import PatternError
from .console import warn
from .option_spec import OptionSpec, add_options

if TYPE_CHECKING:
    import argparse

__all__ = [
    "Matcher",
    "add_task_selection_options",
    "name_and_pattern_specs",
    "prepare_matcher_from_options",
    "prepare_name_matcher",
    "prepare_task_matcher",
    "task_selection_specs",
]

#: From the name of a task to whether it is selected.
Matcher = Callable[[str], bool]


def prepare_name_matcher(name: str) -> Matcher:
    """A test for task names: the whole name, or its end after a dot; shell wildcards are allowed.

    Parameters
    ----------
    name : str
        The value of --name.

    Returns
    -------
    callable
        Takes the name of a task and returns whether it matches.
    """
    import fnmatch
    import re

    match = re.compile(r"(?s:.*\.)?" + fnmatch.translate(name)).match
    return lambda task_name: match(task_name) is not None


def prepare_task_matcher(pattern: str) -> Matcher:
    """A test for task names: `/REGEX/` is searched for, anything else is a plain substring.

    Parameters
    ----------
    pattern : str
        The value of --pattern.

    Returns
    -------
    callable
        Takes the name of a task and returns whether it matches.

    Raises
    ------
    PatternError
        A ValueError: if the pattern is empty or not a valid regular expression.
    """
    import re

    is_regex = len(pattern) >= 2 and pattern.startswith("/") and pattern.endswith("/")
    text = pattern[1:-1] if is_regex else pattern
    if not text:
        raise PatternError(f"the pattern {pattern!r} would match every task; write '/.*/' if that is meant")
    if not is_regex:
        return lambda task_name: text in task_name
    try:
        search = re.compile(text).search
    except re.error as error:
        raise PatternError(f"{pattern!r} is not a valid regular expression: {error}") from None
    return lambda task_name: search(task_name) is not None


def prepare_matcher_from_options(name: str | None = None, pattern: str | None = None) -> Matcher | None:
    """The test that --name and --pattern ask for.

    Both can be set where one comes from a configuration file; then a warning is printed and only
    tasks that pass both tests are selected.

    Parameters
    ----------
    name : str, optional
        The value of --name.
    pattern : str, optional
        The value of --pattern.

    Returns
    -------
    callable or None
        Takes the name of a task and returns whether it matches; None if neither is set.

    Raises
    ------
    PatternError
        A ValueError: if the pattern is empty or not a valid regular expression.
    """
    by_name = None if name is None else prepare_name_matcher(name)
    by_pattern = None if pattern is None else prepare_task_matcher(pattern)
    if by_name is None or by_pattern is None:
        return by_name or by_pattern
    warn(
        f"--name {name!r} and --pattern {pattern!r} are both set (one may come from a configuration file); "
        "only tasks that match both are selected"
    )
    first, second = by_name, by_pattern
    return lambda task_name: first(task_name) and second(task_name)


def _deprecated_target() -> Any:
    import argparse

    class DeprecatedTarget(argparse.Action):
        def __call__(
            self,
            parser: argparse.ArgumentParser,
            namespace: argparse.Namespace,
            values: Any,
            option_string: str | None = None,
        ) -> None:
            warn(
                f"{option_string} is deprecated and acts as --name; use --name for exact names "
                "('*' is a wildcard) or --pattern for a substring or /regex/"
            )
            setattr(namespace, self.dest, values)

    return DeprecatedTarget


def _pattern(text: str) -> str:
    import argparse

    try:
        prepare_task_matcher(text)
    except PatternError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def name_and_pattern_specs(name_dest: str, pattern_dest: str, what: str) -> tuple[OptionSpec, ...]:
    """The options --name and --pattern, of which only one may be given.

    Parameters
    ----------
    name_dest, pattern_dest : str
        The options that receive the values.
    what : str
        The verb in the help texts: "execute", "invalidate".

    Returns
    -------
    tuple of OptionSpec
        They exclude each other, and other options of the group "selection".
    """
    return (
        OptionSpec(
            name_dest,
            ("--name",),
            None,
            metavar="NAME",
            help=f"{what} the tasks of this name: the full one (module.function) or its end (function); "
            "shell wildcards are allowed",
            excludes="selection",
        ),
        OptionSpec(
            pattern_dest,
            ("--pattern",),
            None,
            metavar="PATTERN",
            type=_pattern,
            help=f"{what} the tasks whose name contains PATTERN or matches it if it is written as /regex/",
            excludes="selection",
        ),
    )


def task_selection_specs(name_dest: str, pattern_dest: str, what: str) -> tuple[OptionSpec, ...]:
    """The same and the deprecated --target/--invalid, which commands have that jug 2.7 has, too.

    Parameters
    ----------
    name_dest, pattern_dest, what : str
        As for :func:`name_and_pattern_specs`.

    Returns
    -------
    tuple of OptionSpec
        They exclude each other.
    """
    return (
        *name_and_pattern_specs(name_dest, pattern_dest, what),
        OptionSpec(
            name_dest,
            ("--target", "--invalid"),
            None,
            metavar="NAME",
            action=_deprecated_target(),
            help="deprecated: the same as --name",
            excludes="selection",
        ),
    )


def add_task_selection_options(
    parser: argparse.ArgumentParser, name_dest: str, pattern_dest: str, required: bool, what: str
) -> None:
    """Adds the options of :func:`task_selection_specs` to a parser or group.

    Parameters
    ----------
    parser : argparse.ArgumentParser or group
        Where to add them.
    name_dest, pattern_dest, what : str
        As there.
    required : bool
        Whether one of them must be given.
    """
    add_options(parser, task_selection_specs(name_dest, pattern_dest, what), required=required)
