"""The command line of a launcher."""

from __future__ import annotations

import sys
from typing import Any, NoReturn

from ..internal import argument_parser

__all__ = ["ArgumentParser", "argument"]


def argument(*args: Any, **kwargs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """An option of a task.

    Parameters
    ----------
    *args, **kwargs
        What `argparse.ArgumentParser.add_argument` takes.

    Returns
    -------
    tuple
        An item for `BaseTask.arguments`.
    """
    return args, kwargs


class ArgumentParser(argument_parser.ArgumentParser):
    """A parser whose errors are one line."""

    #: The flags that jobslib does not have: no abbreviation that a unit uses may mean one of them.
    written_out: frozenset[str] = frozenset()

    def error(self, message: object) -> NoReturn:
        """Prints what is wrong, to stderr, and exits with status 2."""
        sys.stdout.flush()
        self.exit(2, f"{self.prog}: error: {message} (see '{self.prog} -h')\n")

    def _get_option_tuples(self, option_string: str) -> list[Any]:
        found = super()._get_option_tuples(option_string)
        return [it for it in found if not self.written_out.intersection(it[0].option_strings)]
