"""`jug cleanup`: remove what the jugfile no longer refers to, what is old, or what is too much."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..cli.registry import SubCommand
from ..errors import UserError
from ..internal.console import warn
from ..internal.option_spec import OptionSpec

if TYPE_CHECKING:
    from ..backends.base import base_store
    from ..configuration import Options

__all__ = ["CleanupCommand", "cleanup"]


class CleanupCommand(SubCommand):
    """Remove results that no task refers to any more, and locks"""

    name = "cleanup"
    option_specs = (
        OptionSpec(
            "cleanup_locks_only",
            ("--locks-only",),
            False,
            help="remove locks only, of running and of failed tasks",
            excludes="which",
        ),
        OptionSpec(
            "cleanup_failed_only",
            ("--failed-only",),
            False,
            help="remove only the marks of failed tasks, which makes them ready again",
            excludes="which",
        ),
        OptionSpec(
            "cleanup_keep_locks",
            ("--keep-locks",),
            False,
            help="remove unused results only",
            excludes="which",
        ),
        OptionSpec(
            "cleanup_dry_run",
            ("--dry-run",),
            False,
            help="say what would be removed, and change nothing",
        ),
        OptionSpec(
            "cleanup_force",
            ("--force",),
            False,
            help="also remove results that may belong to tasks behind a barrier that is not complete, "
            "or to another jugfile beside the jugdir",
        ),
        OptionSpec(
            "cleanup_older_than",
            ("--older-than",),
            "",
            metavar="AGE",
            help="remove the results older than AGE (45s, 90m, 12h, 30d), used or not, and no others",
        ),
        OptionSpec(
            "cleanup_max_size",
            ("--max-size",),
            "",
            metavar="SIZE",
            help="remove the oldest results, used or not, until the rest takes at most SIZE (500M, 10G)",
        ),
    )

    def run(self, store: base_store, options: Options, *args: Any, **kwargs: Any) -> None:
        """Removes unused results and all locks, or what the options restrict it to; prints the numbers."""
        from ..engine.maintenance.cleanup import CleanupPlan, clear_failures

        _refuse_contradictions(options)
        dry = options.cleanup_dry_run
        verb = "Would remove" if dry else "Removed"
        if options.cleanup_locks_only:
            options.print_out(f"{verb} {_remove_locks(store, dry)} locks")
            return
        if options.cleanup_failed_only:
            options.print_out(f"{verb} {clear_failures(store, dry=dry)} failure locks")
            return
        has_barrier = bool((kwargs.get("jugspace") or {}).get("__jug__hasbarrier__"))
        removal = CleanupPlan(store, has_barrier=has_barrier, force=options.cleanup_force)
        by_measure = _choose(removal, options)
        counts, freed = removal.execute(dry=dry)
        options.print_out(f"{verb} {sum(counts.values())} objects")
        if dry or by_measure:
            _print_counts(options, counts, freed, dry)
        for line in removal.kept():
            warn(line)
        if not options.cleanup_keep_locks and not by_measure:
            options.print_out(f"{verb} {_remove_locks(store, dry)} locks")
        if not dry:
            removal.compact()

    def interrupt_message(self, options: Options) -> str:
        """Some of it may be done."""
        return "what was not removed yet is still there: run it again"


def _remove_locks(store: base_store, dry: bool) -> int:
    """Removes the locks of failed tasks and of workers that are gone, unless `dry`; how many."""
    from ..engine.maintenance.cleanup import clear_failures

    return clear_failures(store, dry=True) if dry else store.remove_locks()


def _refuse_contradictions(options: Options) -> None:
    """UserError (2) for options that cannot be meant together; a jugrc file can set what argparse refuses."""
    exclusive = ["locks_only", "failed_only", "keep_locks"]
    given = [name for name in exclusive if getattr(options, f"cleanup_{name}")]
    if len(given) > 1:
        raise UserError(f"--{given[0]} and --{given[1]} exclude one another".replace("_", "-"), 2)
    if given and given[0] != "keep_locks":
        for name in ("older_than", "max_size", "force"):
            if getattr(options, f"cleanup_{name}"):
                raise UserError(
                    f"--{name} is about results, and --{given[0]} removes none".replace("_", "-"), 2
                )


def _choose(removal: Any, options: Options) -> bool:
    """Chooses what is to go; whether by age or size."""
    from ..internal.units import parse_age, parse_size

    age = parse_age(options.cleanup_older_than) if options.cleanup_older_than else None
    size = parse_size(options.cleanup_max_size) if options.cleanup_max_size else None
    if age is None and size is None:
        removal.select_unused()
        return False
    if age is not None:
        removal.select_older_than(age)
    if size is not None:
        removal.select_until_size(size)
    return True


def _print_counts(options: Options, counts: Any, freed: int, dry: bool) -> None:
    from ..internal.units import format_size

    if options.short:
        return
    for name, count in sorted(counts.items()):
        options.print_out(f"{count:>12}  {name or '(no name)'}")
    options.print_out(f"{'This would free' if dry else 'Freed'} {format_size(freed)} ({freed} bytes)")


cleanup = CleanupCommand()
