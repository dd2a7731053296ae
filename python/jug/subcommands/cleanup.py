"""`jug cleanup`: remove what the jugfile no longer refers to."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from . import SubCommand

if TYPE_CHECKING:
    import argparse

__all__ = ["CleanupCommand", "cleanup"]


class CleanupCommand(SubCommand):
    """Remove results that no task refers to any more, and locks"""

    name = "cleanup"

    def run(self, store: Any, options: Any, *args: Any, **kwargs: Any) -> None:
        """Removes unused results and all locks, or what the options restrict it to; prints the numbers."""
        if options.cleanup_locks_only:
            options.print_out(f"Removed {store.remove_locks()} locks")
        elif options.cleanup_failed_only:
            options.print_out(f"Removed {_remove_failure_marks(store)} failure locks")
        else:
            keep = options.cleanup_keep_locks
            options.print_out(f"Removed {self._remove_unused(store, kwargs.get('jugspace'))} objects")
            if not keep:
                options.print_out(f"Removed {store.remove_locks()} locks")

    def _remove_unused(self, store: Any, jugspace: Any) -> int:
        if (jugspace or {}).get("__jug__hasbarrier__"):
            # The tasks behind the barrier are not known yet; their results may be perfectly good.
            print(
                "jug: warning: the jugfile stops at a barrier that is not complete, so it is not known which "
                "results are unused; none was removed. Run 'jug execute' first",
                file=sys.stderr,
            )
            return 0
        from ..task import alltasks

        removed: int = store.cleanup(alltasks, keeplocks=True)
        return removed

    def parse(self, parser: argparse.ArgumentParser) -> None:
        """Adds the options; at most one may be given."""
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

    def parse_defaults(self) -> dict[str, Any]:
        """All off."""
        return {"cleanup_locks_only": False, "cleanup_failed_only": False, "cleanup_keep_locks": False}


def _remove_failure_marks(store: Any) -> int:
    failed = [lock for lock in map(store.getlock, list(store.listlocks())) if lock.is_failed()]
    for lock in failed:
        lock.release()
    return len(failed)


cleanup = CleanupCommand()
