"""Runs the tasks of a session of pytask in a pool."""

from __future__ import annotations

import inspect
import itertools
import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from pytask import ExecutionReport, PTask, Session, console, get_marks
from pytask.tree_util import tree_leaves, tree_map_with_path

from ..executors.base import Outcome, PlainCall
from ..executors.flights import Limits
from .backends import OF_THIS_HOST, ParallelBackend, WorkerType, registry
from .capturing import forget_threads
from .coiled import options_of
from .early import importable
from .failures import error_of
from .leaving import leave_with
from .limits import limits_of
from .lost_output import STREAMS, LostOutput, Whose
from .outcomes import TaskOptions, TaskResult
from .places import Places
from .priorities import Priorities
from .records import each_in_spite_of_interrupts, recorded_at_once
from .worker import RemoteFile, is_local, run_here, run_task

if TYPE_CHECKING:
    from ..executors.endings import Ended

__all__ = ["ParallelSession"]

#: How many ready tasks are asked for: all.
_ALL = sys.maxsize

#: How long it waits at most for something to end, in seconds; it is woken when something does.
_LONG = 3600.0


class _Given(NamedTuple):
    """A task that was given to the pool."""

    task: PTask
    arguments: dict[str, Any]
    limits: Limits
    #: See :attr:`TaskOptions.whose`.
    whose: Whose | None


class ParallelSession:
    """A session whose tasks run in a pool.

    Parameters
    ----------
    session : Session
        After collection: modules of tasks may have registered where they are to run.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._config = session.config
        kind: ParallelBackend = self._config["parallel_backend"]
        self._kind = kind
        self._places = Places(session)
        registration = registry.registry[kind]
        self._is_live = registration.worker_type is WorkerType.THREADS
        self._is_remote = registration.remote
        #: As the option is: "fd", "sys", "tee-sys" or "no".
        self._capture: str = getattr(self._config.get("capture"), "value", "fd")
        self._options = self._task_options()
        #: What is ready and waits for room, the next one last.
        self._ready: list[str] = []
        #: The same of those that coiled runs, which has room for any number.
        self._coiled: list[str] = []
        #: Whether there may be more that is ready.
        self._is_stale = True
        self._priorities = Priorities(session)
        #: How many reports are made before they are looked at: one of them may be the last failure.
        self._at_once = 100 if self._config["max_failures"] == math.inf else 1
        #: What was given to the pool, by signature, in that order.
        self._running: dict[str, _Given] = {}
        #: What was printed by tasks that do not come back, and how those are told from others.
        self._lost: LostOutput | None = None
        self._numbers = itertools.count()
        #: Of which it was said that they run.
        self._announced: set[str] = set()

    def run(self) -> None:
        """Runs all tasks, or until the session is to stop."""
        with importable(self._config["root"]), self._printing_threads(), self._lost_output():
            try:
                self._run()
            except KeyboardInterrupt:
                if not self._interrupt():
                    raise
            except BaseException:
                self._places.kill()
                raise
            finally:
                self._places.close()

    def submit(self, task: PTask) -> bool | None:
        """Gives a task to the pool."""
        if task.attributes.get("is_generator"):
            return None
        coordinator = self._places.of(task)
        limits = limits_of(task, self._config)
        if limits != Limits() and not coordinator.can_hold_limits():
            raise ValueError(
                f"the parallel backend {coordinator.backend.name!r} cannot end a task that takes too long or "
                "too much memory: leave limits out, or use another backend, such as 'loky', 'processes' or "
                "'jug'"
            )
        options = self._options._replace(marks=tuple(get_marks(task, "filterwarnings")))
        is_live = self._is_live
        if options_of(task) is not None:
            how = _CAPTURES[self._capture]
            is_live, options = False, options._replace(capture=how, cwd="", is_remote=True)
        kwargs = _arguments_of(task, is_remote=options.is_remote)
        if not is_live:
            _forget_annotations(task)
        if self._lost is not None and options.capture == "fd":
            options = options._replace(whose=Whose(self._lost.address, next(self._numbers)))
        name = task.name.partition("[")[0]
        call = PlainCall(name, run_here if is_live else run_task, (task, kwargs, options))
        self._running[task.signature] = _Given(task, kwargs, limits, options.whose)
        if options_of(task) is not None:
            # Machines may have to start first: nobody knows when it begins.
            self._announce_one(task)
        coordinator.submit([(task.signature, call, limits)])
        return True

    # --- the loop ---

    def _run(self) -> None:
        while self._scheduler().is_active():
            self._settle(self._start() or self._places.wait(_LONG))
            if self._session.should_stop:
                self._drain()
                return

    def _scheduler(self) -> Any:
        # A task that makes others puts another one in its place.
        return self._session.scheduler

    def _start(self) -> list[ExecutionReport]:
        """Starts what is ready, as far as there is room; reports of what is over at once."""
        reports: list[ExecutionReport] = []
        hook = self._session.hook
        if self._is_stale:
            self._is_stale = False
            for signature in self._scheduler().get_ready(_ALL):
                is_coiled = options_of(self._task(signature)) is not None
                (self._coiled if is_coiled else self._ready).append(signature)
            self._ready = self._priorities.ordered(self._ready)
        while (task := self._next()) is not None:
            try:
                hook.pytask_execute_task_setup(session=self._session, task=task)
                hook.pytask_execute_task(session=self._session, task=task)
                if task.signature not in self._running:
                    # It has run here, and made other tasks.
                    self._priorities = Priorities(self._session)
                    hook.pytask_execute_task_teardown(session=self._session, task=task)
                    reports.append(ExecutionReport.from_task(task))
            except Exception:
                if self._places.fault is not None:
                    raise
                self._running.pop(task.signature, None)
                reports.append(ExecutionReport.from_task_and_exception(task, _raised_by_others()))
            if len(reports) >= self._at_once:
                break
        self._announce()
        return reports

    def _next(self) -> PTask | None:
        """The next task for which there is room."""
        if self._coiled:
            return self._task(self._coiled.pop())
        return self._task(self._ready.pop()) if self._ready and self._places.room() else None

    def _announce(self) -> None:
        """Says which tasks run: as many as there are workers, those that were given first."""
        of_backend = (it for it in self._running.values() if options_of(it.task) is None)
        for given in itertools.islice(of_backend, self._places.nr_workers()):
            self._announce_one(given.task)

    def _announce_one(self, task: PTask) -> None:
        if task.signature not in self._announced:
            self._announced.add(task.signature)
            self._session.hook.pytask_execute_task_log_start(session=self._session, task=task)

    def _settle(self, over: Sequence[ExecutionReport | Ended[str]]) -> None:
        """Reports and records what is over."""
        settled: list[str] = []

        def settle(one: ExecutionReport | Ended[str]) -> None:
            report = one if isinstance(one, ExecutionReport) else self._report(one)
            self._settle_one(report)
            settled.append(report.task.signature)
            write_if_due()

        with recorded_at_once() as write_if_due:
            each_in_spite_of_interrupts(over, settle)
        if settled:
            self._scheduler().done(*settled)
            self._is_stale = True

    def _settle_one(self, report: ExecutionReport) -> None:
        hook = self._session.hook
        # Of what is over it is not said again that it runs.
        if report.task.signature not in self._announced:
            hook.pytask_execute_task_log_start(session=self._session, task=report.task)
        hook.pytask_execute_task_process_report(session=self._session, report=report)
        try:
            hook.pytask_execute_task_log_end(session=self._session, task=report.task, report=report)
        finally:
            self._session.execution_reports.append(report)

    def _drain(self) -> None:
        """Starts nothing more, and reports what still runs."""
        for signature in self._places.stop():
            del self._running[signature]
        while self._running:
            self._settle(self._places.wait(_LONG))
            for signature in self._places.stop():
                del self._running[signature]

    def _interrupt(self) -> bool:
        """Kills what runs, and reports it as interrupted; whether something ran."""
        for signature in self._places.stop():
            del self._running[signature]
        self._announce()
        if self._places.kill():
            leave_with(self._session)
        self._session.should_stop = True
        error = KeyboardInterrupt()
        for given in self._running.values():
            self._add_lost_output(given)
        reports = [
            ExecutionReport.from_task_and_exception(given.task, (KeyboardInterrupt, error, None))
            for given in self._running.values()
            if given.task.signature in self._announced
        ]
        self._settle(reports)
        return bool(reports)

    # --- one task ---

    def _task(self, signature: str) -> PTask:
        node = self._session.dag.nodes[signature]
        # To ask whether it is a PTask would cost as much as to send it.
        task: PTask = node["task"] if isinstance(node, dict) else node
        return task

    def _report(self, ended: Ended[str]) -> ExecutionReport:
        """The report of a task that has ended in the pool."""
        given = self._running.pop(ended.token)
        task = given.task
        outcome: Outcome = ended.outcome
        task.attributes["duration"] = (outcome.started, outcome.started + outcome.duration)
        if outcome.error is not None:
            self._add_lost_output(given)
            info = error_of(outcome.error, given.arguments, given.limits)
            return ExecutionReport.from_task_and_exception(task, info)
        result: TaskResult = outcome.value
        task.attributes["worker"] = result.worker
        self._session.warnings.extend(result.warnings)
        _add_sections(task, zip(STREAMS, (result.stdout, result.stderr), strict=True))
        if result.raised is not None:
            error, traceback = result.raised
            shown = traceback or error.__traceback__
            return ExecutionReport.from_task_and_exception(task, (type(error), error, shown))
        try:
            _save(task, result)
            self._session.hook.pytask_execute_task_teardown(session=self._session, task=task)
        except Exception:
            return ExecutionReport.from_task_and_exception(task, _raised_by_others())
        return ExecutionReport.from_task(task)

    def _add_lost_output(self, given: _Given) -> None:
        if self._lost is not None and given.whose is not None:
            _add_sections(given.task, self._lost.of(given.whose.number))

    def _task_options(self) -> TaskOptions:
        is_beside = self._kind in OF_THIS_HOST and registry.registry[self._kind].is_own
        return TaskOptions(
            console=console.options,
            show_locals=self._config["show_locals"],
            filterwarnings=tuple(self._config["filterwarnings"]),
            marks=(),
            capture=self._capture if is_beside else _CAPTURES[self._capture],
            cwd=str(self._config["root"]) if is_beside else "",
            is_remote=self._is_remote,
        )

    @contextmanager
    def _printing_threads(self) -> Iterator[None]:
        """Keeps apart what threads print. pytask captures around each hook, whatever prints meanwhile."""
        plugins = self._config["pm"]
        manager = plugins.get_plugin("capturemanager") if self._is_live else None
        if manager is not None:
            plugins.unregister(manager)
        try:
            yield
        finally:
            if manager is not None:
                plugins.register(manager, "capturemanager")
            forget_threads()

    @contextmanager
    def _lost_output(self) -> Iterator[None]:
        if self._options.capture != "fd":
            yield
            return
        self._lost = LostOutput()
        try:
            yield
        finally:
            self._lost.close()


#: How output is kept where other tasks may run in the same process, by what is kept where none do.
_CAPTURES = {"no": "", "fd": "thread", "sys": "thread", "tee-sys": "tee-thread"}


def _raised_by_others() -> Any:
    """The exception that is handled, without the lines of this module that called what raised it."""
    kind, error, trace = sys.exc_info()
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    return kind, error, trace


def _add_sections(task: PTask, printed: Iterable[tuple[str, str]]) -> None:
    """Has a report show what a task has printed: names of streams and texts."""
    task.report_sections.extend(("call", stream, text) for stream, text in printed if text)


def _arguments_of(task: PTask, *, is_remote: bool) -> dict[str, Any]:
    """The arguments of a task, loaded from its nodes."""
    from pytask import NodeLoadError, PPathNode

    def load(path: tuple[Any, ...], node: Any, is_product: bool) -> Any:
        if is_remote and path[0] != "return" and isinstance(node, PPathNode) and is_local(node.path):
            return RemoteFile(node, None if is_product else node.path.read_bytes())
        try:
            return node.load(is_product=is_product)
        except Exception as error:
            raise NodeLoadError(
                f"Exception while loading node {node.name!r} of task {task.name!r}"
            ) from error

    def loaded(name: str, tree: Any, is_product: bool) -> Any:
        return tree_map_with_path(lambda path, node: load((name, *path), node, is_product), tree)

    # Annotations are not looked at: they may name what is there for type checkers only.
    parameters = inspect.signature(task.function).parameters
    kwargs = {name: loaded(name, tree, False) for name, tree in task.depends_on.items()}
    kwargs.update(
        {name: loaded(name, tree, True) for name, tree in task.produces.items() if name in parameters}
    )
    return kwargs


def _forget_annotations(task: PTask) -> None:
    """Leaves out what pytask kept to evaluate annotations: it may hold what cannot be pickled."""
    meta = getattr(task.function, "pytask_meta", None)
    if getattr(meta, "annotation_locals", None) is not None:
        meta.annotation_locals = None  # type: ignore[union-attr]


def _save(task: PTask, result: TaskResult) -> None:
    """Puts what came from the worker into the nodes that are here."""
    nodes = [node for tree in task.produces.values() for node in tree_leaves(tree)]
    for node, carried in zip(nodes, result.carried, strict=True):
        if carried is None:
            continue
        if carried.content is not None:
            node.path.write_bytes(carried.content)
        else:
            node.save(carried.value)
