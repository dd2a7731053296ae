"""The command ``runjob``: finds settings and task, and runs the task."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

from ..errors import UserError
from ..internal.console import fail
from .cmdlineparser import ArgumentParser
from .config import Config
from .exceptions import RemoteError, Terminate
from .given import seconds_of_flag
from .imports import answer_to_jobslib, import_object, say_which
from .launcher import add_flags, launcher_of
from .loop import Loop
from .options import OptionError
from .tasks import BaseTask, _Task

__all__ = [
    "JOBSLIB_TASKS",
    "command",
    "get_app_settings",
    "get_config_class",
    "get_task_cls",
    "main",
]

#: The tasks of this package, by the names that they have on the command line.
JOBSLIB_TASKS = {"check-liveness": "jobslib.liveness.CheckLiveness"}


def get_app_settings(cmdline_args: Any) -> Any:
    """The settings module that the command line names, or ``JOBSLIB_SETTINGS_MODULE``; None if none is."""
    name = cmdline_args.settings or os.environ.get("JOBSLIB_SETTINGS_MODULE", "")
    return importlib.import_module(name) if name else None


def get_task_cls(task_cls_path: str) -> type[BaseTask]:
    """The class of the task by its dotted name. TypeError if it is none."""
    task_cls = import_object(task_cls_path)
    if not isinstance(task_cls, type) or not issubclass(task_cls, BaseTask):
        raise TypeError(f"'{task_cls_path}' is not subclass of the BaseTask")
    return task_cls


def get_config_class(settings: Any) -> Any:
    """The class of the configuration: that of ``CONFIG_CLASS`` in the settings module, or `Config`."""
    name = getattr(settings, "CONFIG_CLASS", "")
    return import_object(name) if name else Config


class Prepared(NamedTuple):
    """What a command line asks for."""

    settings: Any
    given: Any
    task_cls: Any
    config_cls: Any
    words: Sequence[str]

    def config(self) -> Any:
        """The configuration. ValueError if an option has no value that it may have."""
        return self.config_cls(self.settings, self.given, self.task_cls)

    def make(self) -> Any:
        """The task."""
        return self.task_cls(self.config())


def prepared(words: Sequence[str]) -> Prepared:
    """Finds settings and task, and reads the command line.

    Parameters
    ----------
    words : sequence of str
        The command line without the program's name.
    """
    hint = _search_here()
    answer_to_jobslib()
    say_which("jug-rs")
    parser = _parser()
    found = _first_look(words)
    if found.task_cls is None and {"-h", "--help"}.intersection(words):
        add_flags(parser)
        parser.print_help()
        parser.exit(0)
    if found.task_cls is None:
        parser.error("the following arguments are required: task_cls")
    settings = _settings(parser, found, hint)
    task_cls = _task_class(parser, found.task_cls, hint)
    config_cls = _config_class(parser, settings)
    _add_options_of(parser, task_cls, found.task_cls)
    given = parser.parse_args(words)
    if given.sleep_interval is not None and given.run_interval is not None:
        parser.error("--sleep-interval and --run-interval may not be used together")
    if getattr(given, "jug_cron", None) is not None:
        for flag, value in (
            ("--sleep-interval", given.sleep_interval),
            ("--run-interval", given.run_interval),
        ):
            if value is not None:
                parser.error(f"--cron and {flag} may not be used together")
    return Prepared(settings, given, task_cls, config_cls, words)


def main(args: Sequence[str] | None = None) -> None:
    """Runs a task.

    Parameters
    ----------
    args : sequence of str, optional
        The command line without the program's name. Default: ``sys.argv[1:]``.

    Raises
    ------
    SystemExit
        2 for wrong usage, or what the task gave to ``sys.exit``.
    UserError
        For what is wrong in the configuration, in a line.
    """
    ready = prepared(list(sys.argv[1:] if args is None else args))
    try:
        config = ready.config()
        options = launcher_of(config)
        if not options.isolate or issubclass(ready.task_cls, _Task):
            ready.task_cls(config)()
            return
        from .isolated import IsolatedTask

        task = IsolatedTask(config, ready.task_cls, ready.words, options)
        try:
            Loop(task, task.loss).run()
        finally:
            task.close()
    except OptionError as error:
        raise UserError(str(error)) from None


def command(args: Sequence[str] | None = None) -> int:
    """The same, with what can be put right in a line; the exit status."""
    try:
        main(args)
    except UserError as error:
        fail(str(error))
        return error.status
    except (RemoteError, Terminate):
        # It was logged.
        return 1
    return 0


def _search_here() -> str:
    """Has what lies in the working directory found by imports, as under ``python -m``; why not, if not."""
    here = os.getcwd()
    if {"", here}.intersection(sys.path):
        return ""
    if sys.flags.safe_path:
        return (
            "; the current directory is not searched, because of -P or PYTHONSAFEPATH: name it in PYTHONPATH"
        )
    sys.path.insert(0, here)
    return ""


def _first_look(words: Sequence[str]) -> Any:
    """Settings and task: the command line as far as it is known without the options of the task."""
    parser = _parser(is_first=True)
    parser.written_out = add_flags(parser)
    found = parser.parse_known_args(words)[0]
    if found.task_cls is None:
        # The task may have an option of such a name, without a value.
        found = _parser(is_first=True).parse_known_args(words)[0]
    return found


def _parser(*, is_first: bool = False) -> ArgumentParser:
    parser = ArgumentParser(prog="runjob", add_help=False)
    add = parser.add_argument
    add("-s", "--settings", help="the module with the settings")
    add(
        "--disable-one-instance",
        action="store_true",
        help="take no lock: several instances may run at the same time",
    )
    add("--run-once", action="store_true", default=None, help="run the task once, and exit")
    add(
        "--sleep-interval",
        type=seconds_of_flag,
        metavar="SECONDS",
        help="how long to sleep between two runs; not together with --run-interval",
    )
    add(
        "--run-interval",
        type=seconds_of_flag,
        metavar="SECONDS",
        help="how long it is from start to start; not together with --sleep-interval",
    )
    add("--keep-lock", action="store_true", default=None, help="keep the lock between runs")
    add(
        "--release-on-error",
        action="store_true",
        default=None,
        help="release the lock when the task fails",
    )
    add(
        "task_cls",
        nargs="?" if is_first else None,
        help=f"the class of the task (module.submodule.TaskClass), or {' or '.join(JOBSLIB_TASKS)}",
    )
    return parser


def _settings(parser: ArgumentParser, found: Any, hint: str) -> Any:
    try:
        return get_app_settings(found)
    except ImportError as error:
        parser.error(f"Invalid application settings module: {error}{hint}")


def _task_class(parser: ArgumentParser, name: str, hint: str) -> type[BaseTask]:
    try:
        return get_task_cls(JOBSLIB_TASKS.get(name, name))
    except (ImportError, AttributeError) as error:
        parser.error(f"{error}{hint}")
    except (TypeError, ValueError) as error:
        if error.__traceback__ is not None and error.__traceback__.tb_next is not None:
            where = error.__traceback__
            while where.tb_next is not None:
                where = where.tb_next
            if where.tb_frame.f_globals.get("__name__") not in (__name__, import_object.__module__):
                raise
        raise UserError(str(error)) from None


def _config_class(parser: ArgumentParser, settings: Any) -> Any:
    name = getattr(settings, "CONFIG_CLASS", "")
    try:
        config_cls = get_config_class(settings)
    except (ImportError, AttributeError, ValueError) as error:
        raise UserError(f"CONFIG_CLASS in the settings module: {error}") from None
    if not isinstance(config_cls, type) or not issubclass(config_cls, Config):
        parser.error(f"Config class must be subclass of the jobslib.config.Config, and {name} is none")
    return config_cls


def _add_options_of(parser: ArgumentParser, task_cls: type[BaseTask], name: str) -> None:
    """Adds the options of the task, and help, which shows all."""
    if task_cls.description:
        parser.description = f"{name}: {task_cls.description}"
    for args, kwargs in task_cls.arguments:
        parser.add_argument(*args, **kwargs)
    own = {word for args, _ in task_cls.arguments for word in args}
    parser.written_out = add_flags(parser, frozenset(own))
    parser.add_argument("-h", "--help", action="help", help="show this help message and exit")


if __name__ == "__main__":
    sys.exit(command())
