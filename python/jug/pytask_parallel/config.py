"""The configuration of a session, and what runs it."""

from __future__ import annotations

from typing import Any

from pytask import Session, hookimpl

from .backends import ParallelBackend, registry
from .sequence import InSequence
from .values import seconds, workers

__all__ = ["pytask_parse_config", "pytask_post_parse", "pytask_unconfigure"]

#: What has tasks run one after the other in this process.
_IN_SEQUENCE = ("pdb", "trace", "dry_run", "explain")


@hookimpl
def pytask_parse_config(config: dict[str, Any]) -> None:
    """Checks what the command line, a file or ``pytask.build`` says."""
    __tracebackhide__ = True
    try:
        config["parallel_backend"] = ParallelBackend(config["parallel_backend"])
    except ValueError:
        raise ValueError(
            f"Invalid value for 'parallel_backend'. Got {config['parallel_backend']}. Choose one of "
            f"{', '.join(it.value for it in ParallelBackend)}."
        ) from None
    config["n_workers"] = workers("n_workers", config["n_workers"])
    timeout = config.get("task_timeout")
    config["task_timeout"] = None if timeout is None else seconds("task_timeout", timeout)
    config["markers"]["timeout"] = "For how many seconds a task may run before it is killed and fails."
    config["markers"]["memory"] = "How much memory a task may take before it is killed and fails: '4GB'."
    if config["n_workers"] > 1 and config["parallel_backend"] is ParallelBackend.NONE:
        config["parallel_backend"] = ParallelBackend.LOKY


@hookimpl(trylast=True)
def pytask_post_parse(config: dict[str, Any]) -> None:
    """Registers what runs tasks in parallel, unless they are to run in this process."""
    is_wanted = config["parallel_backend"] is not ParallelBackend.NONE
    options = ["--" + name.replace("_", "-") for name in _IN_SEQUENCE if config.get(name)]
    if options or not is_wanted:
        config["pm"].register(InSequence(options[0] if is_wanted else ""))
    else:
        # A worker loads this module when it loads pytask, in the middle of loading what runs there.
        from . import early

        early.begin(config)
        from . import execute

        config["pm"].register(execute)


@hookimpl
def pytask_unconfigure(session: Session) -> None:
    """Forgets what a project has registered, and ends workers that had nothing to do."""
    registry.reset()
    if session.config.get("parallel_backend") is not ParallelBackend.NONE:
        from . import early

        early.dismiss(session.config)
