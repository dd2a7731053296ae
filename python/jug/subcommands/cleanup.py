"""`jug cleanup`: remove what the jugfile no longer refers to, what is old, or what is too much."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..backends.keyed import keyed_store
from ..errors import UserError
from ..internal.console import warn
from . import SubCommand

if TYPE_CHECKING:
    import argparse

__all__ = ["CleanupCommand", "cleanup"]


class CleanupCommand(SubCommand):
    """Remove results that no task refers to any more, and locks"""

    name = "cleanup"

    def run(self, store: Any, options: Any, *args: Any, **kwargs: Any) -> None:
        """Removes unused results and all locks, or what the options restrict it to; prints the numbers."""
        from ..engine.removal import Removal

        _refuse_contradictions(options)
        dry = options.cleanup_dry_run
        verb = "Would remove" if dry else "Removed"
        if options.cleanup_locks_only:
            options.print_out(f"{verb} {_nr_failures(store) if dry else store.remove_locks()} locks")
            return
        if options.cleanup_failed_only:
            number = _nr_failures(store)
            if not dry:
                for lock in _failure_marks(store):
                    lock.release()
                if isinstance(store, keyed_store):
                    store.forget_deaths()
            options.print_out(f"{verb} {number} failure locks")
            return
        has_barrier = bool((kwargs.get("jugspace") or {}).get("__jug__hasbarrier__"))
        removal = Removal(store, has_barrier=has_barrier, force=options.cleanup_force)
        by_measure = _choose(removal, options)
        counts, freed = removal.carry_out(dry=dry)
        options.print_out(f"{verb} {sum(counts.values())} objects")
        if dry or by_measure:
            _tell(options, counts, freed, dry)
        for line in removal.kept():
            warn(line)
        if not options.cleanup_keep_locks and not by_measure:
            number = _nr_failures(store) if dry else removal.remove_locks()
            options.print_out(f"{verb} {number} locks")
        if not dry:
            removal.give_back_space()

    def parse(self, parser: argparse.ArgumentParser) -> None:
        """Adds the options; of the first three at most one may be given."""
        add = parser.add_mutually_exclusive_group().add_argument
        add(
            "--locks-only",
            action="store_true",
            dest="cleanup_locks_only",
            help="remove locks only, of running and of failed tasks",
        )
        add(
            "--failed-only",
            action="store_true",
            dest="cleanup_failed_only",
            help="remove only the marks of failed tasks, which makes them ready again",
        )
        add(
            "--keep-locks",
            action="store_true",
            dest="cleanup_keep_locks",
            help="remove unused results only",
        )
        parser.add_argument(
            "--dry-run",
            action="store_true",
            dest="cleanup_dry_run",
            help="say what would be removed, and change nothing",
        )
        parser.add_argument(
            "--force",
            action="store_true",
            dest="cleanup_force",
            help="also remove results that may belong to tasks behind a barrier that is not complete, "
            "or to another jugfile beside the jugdir",
        )
        parser.add_argument(
            "--older-than",
            metavar="AGE",
            dest="cleanup_older_than",
            help="remove the results older than AGE (45s, 90m, 12h, 30d), used or not, and no others",
        )
        parser.add_argument(
            "--max-size",
            metavar="SIZE",
            dest="cleanup_max_size",
            help="remove the oldest results, used or not, until the rest takes at most SIZE (500M, 10G)",
        )

    def interruption(self, options: Any) -> str:
        """Some of it may be done."""
        return "what was not removed yet is still there: run it again"

    def parse_defaults(self) -> dict[str, Any]:
        """All off."""
        return {
            "cleanup_locks_only": False,
            "cleanup_failed_only": False,
            "cleanup_keep_locks": False,
            "cleanup_dry_run": False,
            "cleanup_force": False,
            "cleanup_older_than": "",
            "cleanup_max_size": "",
        }


def _refuse_contradictions(options: Any) -> None:
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


def _choose(removal: Any, options: Any) -> bool:
    """Chooses what is to go; whether by age or size."""
    from ..internal.quantities import parse_age, parse_size

    age = parse_age(options.cleanup_older_than) if options.cleanup_older_than else None
    size = parse_size(options.cleanup_max_size) if options.cleanup_max_size else None
    if age is None and size is None:
        removal.choose_unused()
        return False
    if age is not None:
        removal.choose_older_than(age)
    if size is not None:
        removal.choose_down_to(size)
    return True


def _tell(options: Any, counts: Any, freed: int, dry: bool) -> None:
    from ..internal.quantities import show_size

    if options.short:
        return
    for name, count in sorted(counts.items()):
        options.print_out(f"{count:>12}  {name or '(no name)'}")
    options.print_out(f"{'This would free' if dry else 'Freed'} {show_size(freed)} ({freed} bytes)")


def _nr_failures(store: Any) -> int:
    """How many tasks are marked as failed, or ended their process and have no result since."""
    return len(_failure_marks(store)) + (len(store.died()) if isinstance(store, keyed_store) else 0)


def _failure_marks(store: Any) -> list[Any]:
    """The locks of the tasks that are marked as failed."""
    return [lock for lock in map(store.getlock, list(store.listlocks())) if lock.is_failed()]


cleanup = CleanupCommand()
