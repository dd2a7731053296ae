"""An option is declared once: what is parsed, its default, its jugrc key and its help follow from that."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import argparse

__all__ = ["OptionSpec", "add_options", "defaults_of", "excluded_by"]


class OptionSpec(NamedTuple):
    """An option of a command.

    Parameters
    ----------
    name : str
        The attribute of the options that has the value; by it a configuration file knows the option, too.
    flags : sequence of str
        How it is written on the command line; an option without any can be set in a configuration file only.
    default : any
        Its built-in value. False makes it a switch, which takes no value.
    help : str
        What ``--help`` says.
    metavar : str, optional
        How its value is called there.
    type : callable, optional
        Makes its value of the text; ArgumentTypeError or ValueError where that is wrong.
    choices : sequence of str, optional
        The values that it may have.
    action : callable or str, optional
        An ``argparse.Action`` that sets it, or the name of one; of a switch ``"store_false"`` turns it off.
    excludes : str, optional
        Of the options of a command that name the same here only one may be given.
    comes_before : bool, default False
        Whether it counts on the command line alone, and not what a configuration file says of the others.
    """

    name: str
    flags: Sequence[str]
    default: Any
    help: str
    metavar: str | None = None
    type: Callable[[str], Any] | None = None
    choices: Sequence[str] | None = None
    action: Any = None
    excludes: str = ""
    comes_before: bool = False

    def add_to(self, group: argparse._ActionsContainer) -> None:
        """Adds the option to a parser or a group of its options."""
        given: dict[str, Any] = {"metavar": self.metavar, "type": self.type, "choices": self.choices}
        if self.action is not None:
            given["action"] = self.action
        elif self.default is False:
            given["action"] = "store_true"
        known = {name: value for name, value in given.items() if value is not None}
        group.add_argument(*self.flags, dest=self.name, help=self.help, **known)


def add_options(
    parser: argparse._ActionsContainer, specs: Iterable[OptionSpec], *, required: bool = False
) -> None:
    """Adds options to a parser; with `required` one of those that exclude each other must be given."""
    groups: dict[str, argparse._ActionsContainer] = {"": parser}
    for spec in specs:
        if spec.excludes not in groups:
            groups[spec.excludes] = parser.add_mutually_exclusive_group(required=required)
        spec.add_to(groups[spec.excludes])


def excluded_by(given: Mapping[str, Any], specs: Iterable[OptionSpec]) -> Mapping[str, Any]:
    """The built-in values, by name, of options for which another one comes that is given."""
    specs = list(specs)
    groups = {spec.excludes for spec in specs if spec.name in given and spec.comes_before} - {""}
    return defaults_of(spec for spec in specs if spec.excludes in groups and spec.name not in given)


def defaults_of(specs: Iterable[OptionSpec]) -> Mapping[str, Any]:
    """The built-in values by name."""
    return {spec.name: spec.default for spec in specs}
