"""The base of tasks."""

from __future__ import annotations

import logging
import sys
from types import FrameType
from typing import Any

from .exceptions import Terminate
from .loop import JobStatus, Loop

__all__ = ["BaseTask", "JobStatus"]


class BaseTask:
    """A task. Derive from it, and define `task`.

    Parameters
    ----------
    config : Config
        The configuration.

    Attributes
    ----------
    name : str
        The name of the task.
    description : str
        What it does, for ``runjob -h``.
    arguments : tuple
        Its own options, each from :func:`~jug.jobslib.argument`.
    context : Context
        The configuration and the resources.
    logger : logging.Logger
        By the name of the module and the class.
    stdout, stderr : file objects
        Those of the process.
    """

    name = ""
    description = ""
    arguments: tuple[Any, ...] = ()

    def __init__(self, config: Any) -> None:
        self.context: Any = config.context_class.from_config(config)
        self.logger = logging.getLogger(f"{type(self).__module__}.{type(self).__name__}")
        self.stdout = sys.stdout
        self.stderr = sys.stderr
        self.initialize()

    def __call__(self) -> Any:
        """Runs the task as the configuration says, again and again."""
        Loop(self).run()

    def initialize(self) -> None:
        """Called once, when the context is there; for derived classes."""

    def task(self) -> None:
        """What is to be done; for derived classes.

        Raises
        ------
        NotImplementedError
            Where it is not defined.
        """
        raise NotImplementedError

    def terminate_process(self, unused_signal_number: int, unused_frame: FrameType | None) -> None:
        """Called when SIGTERM or SIGINT comes while the task runs, or its lock is kept.

        Parameters
        ----------
        unused_signal_number : int
            The number of the signal.
        unused_frame : frame
            What runs.

        Raises
        ------
        Terminate
            Always; derived classes may end in another way.
        """
        raise Terminate

    def extend_lock(self) -> Any:
        """Extends the time for which the lock is held.

        Returns
        -------
        bool
            Whether that was possible.
        """
        return self.context.one_instance_lock.refresh()


class _Task(BaseTask):
    """A task of this package: run once, without a lock."""

    def __call__(self) -> Any:
        self.context.config._configure_logging()
        self.task()
