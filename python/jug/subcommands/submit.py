"""`jug submit`: workers as an array job of a batch system."""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from ..cli.registry import SubCommand
from ..errors import UserError
from ..internal.console import fail
from ..internal.option_spec import OptionSpec
from ..internal.redact import redact_url

if TYPE_CHECKING:
    from ..backends.base import base_store
    from ..batch.base import BatchSystem
    from ..batch.records import Records, Submission
    from ..batch.request import Request
    from ..configuration import Options

__all__ = ["SubmitCommand", "submit"]

_Value = TypeVar("_Value")


class SubmitCommand(SubCommand):
    """Start workers as an array job of a batch system"""

    name = "submit"
    needs_jugfile = False
    usage = "[JUGFILE] [OPTIONS] [-- OPTIONS OF THE BATCH SYSTEM [-- ARGUMENTS OF THE JUGFILE]]"
    option_specs = (
        OptionSpec(
            "submit_n_workers",
            ("-n", "--n-workers"),
            1,
            metavar="N",
            type=int,
            help="how many elements the array has, each of them a worker (default: 1)",
        ),
        OptionSpec(
            "submit_system",
            ("--system",),
            "",
            metavar="SYSTEM",
            help="slurm, sge or pbs (default: the one whose commands are on the path)",
        ),
        OptionSpec(
            "submit_time",
            ("--time",),
            "",
            metavar="TIME",
            help="for how long each element may run: 2:00:00, 1-12:00:00, 90m, 12h (default: whatever the "
            "batch system gives)",
        ),
        OptionSpec(
            "submit_memory",
            ("--memory",),
            "",
            metavar="SIZE",
            help="how much memory each element may have: 500M, 4G (default: whatever the batch system gives)",
        ),
        OptionSpec(
            "submit_cpus",
            ("--cpus",),
            0,
            metavar="N",
            type=int,
            help="how many processors each element gets (default: whatever the batch system gives)",
        ),
        OptionSpec(
            "submit_partition",
            ("--partition",),
            "",
            metavar="NAME",
            help="the partition of SLURM, or the queue of others (default: that of the batch system)",
        ),
        OptionSpec(
            "submit_workers_per_job",
            ("--workers-per-job",),
            0,
            metavar="N",
            type=int,
            help="have each element run 'jug execute -n N' (default: a single worker)",
        ),
        OptionSpec(
            "submit_execute_options",
            ("--execute-options",),
            "",
            metavar="OPTIONS",
            help="options for 'jug execute', as in --execute-options='--keep-going --retries 2'",
        ),
        OptionSpec(
            "submit_print",
            ("--print",),
            False,
            excludes="what",
            help="print the script, and submit nothing",
        ),
        OptionSpec(
            "submit_status",
            ("--status",),
            False,
            excludes="what",
            help="say what became of the jobs that were submitted",
        ),
        OptionSpec(
            "submit_cancel", ("--cancel",), False, excludes="what", help="cancel those that still run"
        ),
    )

    def normalize_args(self, given: dict[str, Any]) -> dict[str, Any]:
        """What stands after the first ``--`` is for the batch system, words before it are for the jugfile."""
        given["submit_words"] = given.pop("user_args", [])
        return given

    def run(self, options: Options, *args: Any, **kwargs: Any) -> int:
        """Submits an array job, or prints what became of those that were submitted; returns 0.

        1 if none is known. UserError if there is no batch system, or it refuses; of status 2 where an option
        is wrong.
        """
        if options.submit_status:
            return _show_status(options)
        if options.submit_cancel:
            return _cancel(options)
        from ..batch.choose import choose

        system = choose(options.submit_system)
        extra, arguments = _split(options)
        request = _request(options, extra, arguments)
        if options.submit_print:
            options.print_out(system.script(request).rstrip("\n"))
            return 0
        store = _load(options, arguments)
        _check_shared(options, store)
        records = _records_for(options, store)
        return _submit(options, system, request._replace(output=records.folder), records)


# --- what is asked for ---


def _split(options: Options) -> tuple[list[str], list[str]]:
    """The options of the batch system, and the arguments of the jugfile."""
    after = list(options.user_args)
    split = after.index("--") if "--" in after else len(after)
    return after[:split], [*getattr(options, "submit_words", ()), *after[split + 1 :]]


def _request(options: Options, extra: Sequence[str], arguments: Sequence[str]) -> Request:
    from ..batch.request import Request, parse_memory, parse_time
    from ..internal.limits import as_count_from_1

    def given(name: str, check: Callable[[Any], _Value]) -> _Value | None:
        value = getattr(options, f"submit_{name}")
        if not value and name not in ("n_workers",):
            return None
        try:
            return check(value)
        except (TypeError, ValueError) as error:
            flag = "-n" if name == "n_workers" else "--" + name.replace("_", "-")
            raise UserError(f"{flag} {error}", status=2) from None

    per_job = given("workers_per_job", as_count_from_1)
    cpus = given("cpus", as_count_from_1)
    name = os.path.splitext(os.path.basename(options.jugfile))[0]
    return Request(
        name,
        given("n_workers", as_count_from_1) or 1,
        _command(options, arguments, per_job, cpus),
        os.getcwd(),
        _folders(options)[0],
        time=given("time", parse_time),
        memory=given("memory", parse_memory),
        cpus=cpus or per_job,
        partition=options.submit_partition,
        extra=extra,
        # A supervisor says it to its workers.
        threads=None if per_job else cpus,
    )


def _command(options: Options, arguments: Sequence[str], per_job: int | None, cpus: int | None) -> list[str]:
    """What each element of the array runs."""
    own = _execute_options(options)
    if per_job is not None:
        own += ["-n", str(per_job)]
        if cpus is not None:
            own += ["--threads-per-worker", str(max(1, cpus // per_job))]
    # What a configuration file says, workers read there.
    if options.next is None or options.jugdir != options.next.jugdir:
        if redact_url(options.jugdir) != options.jugdir:
            raise UserError(
                f"the password of {redact_url(options.jugdir)} would stand in a script: put the jugdir into "
                "a jugrc file",
                status=2,
            )
        own += ["--jugdir", options.jugdir]
    if options.sync != "group":
        own += ["--sync", options.sync]
    if options.verbose != "quiet":
        own += ["--verbose", str(options.verbose)]
    for flag in ("aggressive_unload", "debug", "will_cite"):
        own += ["--" + flag.replace("_", "-")] * bool(getattr(options, flag))
    # What tasks print can be read at once.
    words = [sys.executable, "-u", "-P", "-m", "jug", "execute", options.jugfile, *own]
    return [*words, "--", *arguments] if arguments else words


def _execute_options(options: Options) -> list[str]:
    """The options for ``jug execute``, which have to be right before a job waits for hours."""
    from ..cli.parser import parse_command_line

    try:
        words = shlex.split(options.submit_execute_options)
    except ValueError as error:
        raise UserError(f"--execute-options {options.submit_execute_options!r}: {error}", status=2) from None
    if "--" in words or parse_command_line(["execute", options.jugfile, *words])["user_args"]:
        raise UserError("--execute-options are options only; arguments of the jugfile follow --", status=2)
    return words


# --- where it is remembered ---


def _folders(options: Options) -> tuple[str, str]:
    """Where jobs are remembered: in the jugdir, or, where the store is no directory, beside the jugfile."""
    from ..backends.select import directory_named

    beside = os.path.splitext(os.path.abspath(options.jugfile))[0] + ".jugbatch"
    if "://" in options.jugdir:
        return beside, beside
    return os.path.join(os.path.abspath(directory_named(options.jugdir)), "batch"), beside


def _records_for(options: Options, store: base_store) -> Records:
    """Where a job is remembered that works on this store."""
    from ..backends.capabilities import has_jugdir
    from ..batch.records import Records

    inside, beside = _folders(options)
    is_inside = has_jugdir(store) and os.path.dirname(inside) == os.path.abspath(store.jugdir)
    return Records(inside if is_inside else beside)


def _known(options: Options) -> list[Submission]:
    from ..batch.records import Records

    found = [job for folder in dict.fromkeys(_folders(options)) for job in Records(folder).all()]
    return sorted(found, key=lambda job: job.when)


# --- the store ---


def _load(options: Options, arguments: Sequence[str]) -> base_store:
    """Loads the jugfile, so that none is submitted that does not load; its store."""
    from ..backends.open_jugdir import set_default_modes
    from ..backends.select import directory_named
    from ..engine.jugfile import init

    is_there = os.path.isfile(os.path.join(directory_named(options.jugdir), "FORMAT"))
    if options.claims == "auto" and not is_there:
        set_default_modes(options.sync, "link")
    sys.argv[:] = [options.jugfile, *arguments]
    return init(options.jugfile, options.jugdir, on_error="exit")[0]


def _check_shared(options: Options, store: base_store) -> None:
    """UserError if others could not use the store. A jugdir is created where there is none."""
    from ..backends.capabilities import has_jugdir, is_addressed

    if has_jugdir(store):
        if not store.native.exists():
            store.native.create()
        if store.native.claim_mode == "posix" and options.claims != "posix":
            raise UserError(
                f"{store.jugdir} is for workers on one host only (its claims are in mode posix): "
                f"'jug init-store --claims=link --jugdir {shlex.quote(store.jugdir)}' opens it to others, "
                "and --claims=posix submits workers that all run on one"
            )
    elif is_addressed(store) and store.address() is None:
        raise UserError(
            f"no other process can use {options.jugdir}: choose a directory or a server as --jugdir"
        )


# --- submitting ---


def _submit(options: Options, system: BatchSystem, request: Request, records: Records) -> int:
    from ..batch.records import Submission
    from ..internal.files import create

    records.prepare()
    stamp = time.strftime("%Y%m%d-%H%M%S")
    script = os.path.join(records.folder, f"{stamp}-{os.urandom(3).hex()}.sh")
    with create(script) as file:
        file.write(system.script(request).encode())
    try:
        job = system.submit(script)
    except BaseException:
        os.unlink(script)
        raise
    workers = "1 worker" if request.n == 1 else f"{request.n} workers"
    options.print_out(
        f"{system.name} job {job}: {workers}; what they print goes to {_short(records.folder)}/"
    )
    try:
        records.add(Submission(job, system.name, time.time(), request.n, script))
    except OSError as error:
        fail(f"job {job} was submitted and cannot be remembered: {error.strerror}: {records.folder}")
        return 1
    return 0


def _short(path: str) -> str:
    """A path as users see it from here."""
    relative = os.path.relpath(path)
    return path if relative.startswith("..") else relative


# --- afterwards ---


def _show_status(options: Options) -> int:
    from ..batch.submitted import in_words, states_of

    jobs = _known(options)
    if not jobs:
        return _none_known(options)
    states = states_of(jobs)
    rows = [
        (
            job.id,
            job.system,
            time.strftime("%Y-%m-%d %H:%M", time.localtime(job.when)),
            in_words(states[job]),
        )
        for job in jobs
    ]
    titles = ("Job", "System", "Submitted", "Workers")
    widths = [max(map(len, column)) for column in zip(titles, *rows, strict=True)][:-1]
    for row in (titles, *rows):
        first = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False))
        options.print_out(f"{first}  {row[-1]}")
    return 0


def _cancel(options: Options) -> int:
    from ..batch.choose import SYSTEMS
    from ..batch.submitted import in_words, states_of

    jobs = _known(options)
    if not jobs:
        return _none_known(options)
    live = [(job, its) for job, its in states_of(jobs).items() if its["running"] or its["pending"]]
    if not live:
        options.print_out("none of the jobs that were submitted runs or waits: nothing is cancelled")
    status = 0
    for job, its in live:
        try:
            SYSTEMS[job.system].cancel(job.id)
        except UserError as error:
            fail(str(error))
            status = 1
            continue
        ending = in_words(type(its)({state: its[state] for state in ("running", "pending")}))
        options.print_out(f"{job.system} job {job.id}: cancelled ({ending})")
    return status


def _none_known(options: Options) -> int:
    fail(f"no job of {options.jugfile} is known: 'jug submit {options.jugfile}' submits one")
    return 1


submit = SubmitCommand()
