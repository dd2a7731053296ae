"""What runs in a worker: one task of pytask."""

from __future__ import annotations

import os
import pickle
import socket
import sys
import tempfile
import threading
import warnings
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from pytask import (
    PNode,
    PPathNode,
    PTask,
    PythonNode,
    Traceback,
    WarningReport,
    console,
    parse_warning_filter,
    warning_record_to_str,
)
from pytask.tree_util import tree_leaves, tree_map, tree_structure

from .capturing import captured, refuse_closed
from .outcomes import Carried, TaskOptions, TaskRaised, TaskResult

__all__ = ["RemoteFile", "is_local", "run_here", "run_task"]


class RemoteFile:
    """A local file of the session among the arguments of a task that may run where that file is not.

    Parameters
    ----------
    node : PPathNode
    content : bytes or None
        None for a product.
    """

    def __init__(self, node: PPathNode, content: bytes | None) -> None:
        self.node = node
        self.content = content

    def place(self, folder: str) -> Any:
        """Writes it there; the argument."""
        # Its name ends as that of the original: its kind is known by that.
        descriptor, name = tempfile.mkstemp(suffix=self.node.path.name, dir=folder)
        with os.fdopen(descriptor, "wb") as file:
            file.write(self.content or b"")
        self.node.path = Path(name)
        return self.node.load(is_product=self.content is None)


def is_local(path: Any) -> bool:
    """Whether a path is one of this machine, and not of a storage that all workers have."""
    # Those of universal_pathlib for local files are subclasses of these.
    return isinstance(path, Path) and str(getattr(path, "protocol", "")) in ("", "file", "local")


def run_task(task: PTask, kwargs: dict[str, Any], options: TaskOptions) -> TaskResult:
    """Runs a task in a process of its own, or of other tasks."""
    __tracebackhide__ = True
    _refuse_debuggers()
    if options.cwd and os.getcwd() != options.cwd:
        os.chdir(options.cwd)
    with ExitStack() as stack:
        output = stack.enter_context(captured(options.capture, options.whose))
        log = stack.enter_context(warnings.catch_warnings(record=True))
        for text in (*options.filterwarnings, *(it for mark in options.marks for it in mark.args)):
            warnings.filterwarnings(*parse_warning_filter(text, escape=False))
        folder = stack.enter_context(tempfile.TemporaryDirectory()) if options.is_remote else ""
        carried: list[Carried | None] = []
        raised = None
        streams = sys.stdout, sys.stderr
        try:
            if folder:
                kwargs = tree_map(lambda it: it.place(folder) if isinstance(it, RemoteFile) else it, kwargs)
            carried = _carried(task, task.execute(**kwargs), is_remote=options.is_remote)
            refuse_closed(streams)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # Also SystemExit, which would end a worker.
            raised = _raised(error, options)
    name = getattr(task, "display_name", task.name)
    reports = [
        WarningReport(message=warning_record_to_str(it), fs_location=(it.filename, it.lineno), id_=name)
        for it in log
    ]
    place = f"{socket.gethostname()}, process {os.getpid()}"
    return TaskResult(carried, raised, reports, output[0], output[1], place)


def run_here(task: PTask, kwargs: dict[str, Any], options: TaskOptions) -> TaskResult:
    """The same in a thread of the session's process, where the exception goes on as it is."""
    __tracebackhide__ = True
    with captured(options.capture) as output:
        carried: list[Carried | None] = []
        raised = None
        streams = sys.stdout, sys.stderr
        try:
            carried = _carried(task, task.execute(**kwargs), is_remote=False)
            refuse_closed(streams)
        except BaseException as error:
            raised = TaskRaised(error, "")
    return TaskResult(carried, raised, [], output[0], output[1], threading.current_thread().name)


def _carried(task: PTask, returned: Any, *, is_remote: bool) -> list[Carried | None]:
    """Saves what a task returned, or brings it where its nodes are those of another process."""
    __tracebackhide__ = True
    produces: dict[str, Any] = task.produces
    carried: list[Carried | None] = []
    for name, tree in produces.items():
        nodes = tree_leaves(tree)
        if name == "return":
            wanted = tree_structure(tree)
            found = tree_structure(returned)
            if not wanted.is_prefix(found, strict=False):
                raise ValueError(
                    f"the function returned {found}, and its return annotation is {wanted}: each product is "
                    "to be a part of what is returned"
                )
            values = wanted.flatten_up_to(returned)
            # In a comprehension it would be a frame of its own, which a traceback shows.
            for node, value in zip(nodes, values, strict=True):
                carried.append(_returned(node, value, is_remote=is_remote))
        else:
            carried += [_produced(node, is_remote=is_remote) for node in nodes]
    return carried


def _returned(node: PNode, value: Any, *, is_remote: bool) -> Carried | None:
    __tracebackhide__ = True
    is_elsewhere = isinstance(node, PPathNode) and is_local(node.path) and is_remote
    if isinstance(node, PythonNode) or is_elsewhere:
        return Carried(node.name, None, value)
    if hasattr(node, "save"):
        node.save(value)
    return None


def _produced(node: PNode, *, is_remote: bool) -> Carried | None:
    if isinstance(node, PythonNode):
        return Carried(node.name, None, node.load())
    if isinstance(node, PPathNode) and is_remote and is_local(node.path) and node.path.exists():
        return Carried(node.name, node.path.read_bytes())
    return None


def _raised(error: BaseException, options: TaskOptions) -> TaskRaised:
    """An exception in a form that can be sent."""
    info = (type(error), error, error.__traceback__)
    segments = console.render(Traceback(info, show_locals=options.show_locals), options=options.console)
    text = "".join(segment.text for segment in segments)
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        # What is shown is the text; the class only says what kind of an outcome it is.
        error = RuntimeError(f"{type(error).__name__}: {error}")
    return TaskRaised(error.with_traceback(None), text)


def _no_debugger(*_args: Any, **_kwargs: Any) -> None:
    raise RuntimeError(
        "You cannot use 'breakpoint()' or 'pdb.set_trace()' while tasks run in parallel: remove it, or run "
        "the task with one worker and no parallel backend, or with --pdb, to debug it."
    )


def _refuse_debuggers() -> None:
    import pdb

    pdb.set_trace = _no_debugger
    sys.breakpointhook = _no_debugger
