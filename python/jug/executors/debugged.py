"""A call whose function runs in a debugger."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .. import _native
from ..internal import file_uses
from ..internal.debugger import debug_call

if TYPE_CHECKING:
    from ..task import Task

__all__ = ["DebuggedCall"]


class DebuggedCall:
    """The call of a task, for an executor: the debugger stops at its first line, and again where it raises.

    Parameters
    ----------
    t : Task
        All but its function runs as ever, the checks of its arguments too.
    """

    def __init__(self, t: Task) -> None:
        self._task = t
        self.name = t.name
        self.f = t.f
        self.args = t.args
        self.kwargs: Mapping[str, Any] = t.kwargs
        self._check_takes = t._check_takes
        self._check_before = t._check_before
        self._check_after = t._check_after
        self._fresh_key = t._fresh_key
        self._check_identity = t._check_identity
        #: Whether the function was called, and raised something.
        self.has_raised = False

    def _execute(self) -> Any:
        return file_uses.run(self._call)

    def _call(self) -> Any:
        file_uses.use_files_of(self._task)
        args, kwargs = _native.resolve_args(self._task)
        try:
            return debug_call(self.f, args, kwargs or {})
        except BaseException:
            self.has_raised = True
            raise
