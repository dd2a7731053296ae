"""The command, and the entry points that scripts and notebooks use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .configuration import add_defaults
from .engine.jugfile import init
from .internal import running
from .internal.early import end_if_command

if TYPE_CHECKING:
    from .cli.main import main, main_execute
    from .engine.worker.execute import execution_loop
    from .engine.worker.state import ExecutionState

__all__ = ["ExecutionState", "execution_loop", "init", "is_jug_running", "main", "main_execute"]


def __getattr__(name: str) -> Any:
    # `import jug` is also the first line of every script that only wants a value: the engine and the command
    # line can wait.
    if name in ("main", "main_execute"):
        try:
            from .cli import main
        except KeyboardInterrupt:
            end_if_command()
            raise
        return getattr(main, name)
    if name == "ExecutionState":
        from .engine.worker.state import ExecutionState

        return ExecutionState
    if name == "execution_loop":
        from .engine.worker.execute import execution_loop

        return execution_loop
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def is_jug_running() -> bool:
    """Whether this process is the ``jug`` command.

    Returns
    -------
    bool
        False where plain Python runs the jugfile.
    """
    return running.is_command()


@add_defaults
def _defaults_of_commands() -> dict[str, Any]:
    from .cli.registry import cmdapi

    return cmdapi.defaults()


if __name__ == "__main__":
    from jug.cli.main import main as main_of_the_package

    main_of_the_package()
