"""The options of ``pytask build``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
from pytask import EnumChoice, hookimpl

from .backends import ParallelBackend
from .values import seconds, workers

__all__ = ["pytask_extend_command_line_interface"]


class _Checked(click.ParamType):
    """What one of the functions of :mod:`.values` takes."""

    name = "value"

    def __init__(self, check: Callable[[str, Any], Any]) -> None:
        self._check = check

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return self._check("it", value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


@hookimpl
def pytask_extend_command_line_interface(cli: click.Group) -> None:
    """Adds the options to ``pytask build``."""
    cli.commands["build"].params.extend(
        [
            click.Option(
                ["-n", "--n-workers"],
                type=_Checked(workers),
                metavar="[INTEGER|auto]",
                default=1,
                help="How many tasks run at a time: an integer >= 1, or 'auto' for os.cpu_count() - 1.",
            ),
            click.Option(
                ["--parallel-backend"],
                type=EnumChoice(ParallelBackend),
                default=ParallelBackend.NONE,
                help="Where tasks run in parallel.",
            ),
            click.Option(
                ["--task-timeout"],
                type=_Checked(seconds),
                metavar="SECONDS",
                default=None,
                help="For how long a task may run before it is killed and fails. [default: for ever]",
            ),
        ]
    )
