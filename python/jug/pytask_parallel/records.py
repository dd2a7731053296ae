"""What pytask records of tasks, of several with one commit: each is a wait for the disk."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

__all__ = ["each_in_spite_of_interrupts", "recorded_at_once"]

_T = TypeVar("_T")

#: After how many seconds what was gathered is written: SIGKILL loses what was recorded in that time at most.
_SOON = 0.1

#: For how many seconds an interrupt lets the rest of what has ended be recorded.
_AFTER_INTERRUPT = 1.0


@contextmanager
def recorded_at_once() -> Iterator[Callable[[], None]]:
    """Gathers what pytask records in its database meanwhile, and writes it with few commits.

    The database is locked only while that is written, and not while plug-ins, nodes and the terminal take
    their time: other processes wait for it no more than five seconds.

    Yields
    ------
    Callable
        To be called now and then: writes what was gathered 0.1 s ago or earlier, and what came after that.
    """
    try:
        from _pytask.database_utils import DatabaseSession
    except ImportError:
        yield lambda: None
        return
    engine = DatabaseSession.kw.get("bind")
    if engine is None:
        yield lambda: None
        return
    made_before = DatabaseSession.class_
    gathered: dict[Any, Any] = {}
    begun = 0.0

    def write() -> None:
        if not gathered:
            return
        with made_before(bind=engine) as session:
            # All is looked up before the first row is written, from where on the database is locked.
            with session.no_autoflush:
                for record in gathered.values():
                    session.merge(record)
            session.commit()
        gathered.clear()

    def write_if_due() -> None:
        if gathered and time.monotonic() - begun >= _SOON:
            write()

    class Gathering(made_before):  # type: ignore[misc, valid-type]
        """Sessions that keep what pytask has changed in them, instead of writing it."""

        def commit(self) -> None:
            nonlocal begun
            changed = [*self.new, *self.dirty]
            # What plug-ins have done with a session, or with another database, is theirs.
            is_of_pytask = all(type(it).__module__.startswith("_pytask.") for it in changed)
            if not changed or self.deleted or self.bind is not engine or not is_of_pytask:
                super().commit()
                return
            if not gathered:
                begun = time.monotonic()
            for record in changed:
                gathered[self.identity_key(instance=record)] = record
            self.expunge_all()
            write_if_due()

    DatabaseSession.class_ = Gathering
    try:
        yield write_if_due
    finally:
        DatabaseSession.class_ = made_before
        # What was recorded before something was raised has happened all the same.
        each_in_spite_of_interrupts([write], lambda it: it(), again=True)


def each_in_spite_of_interrupts(
    items: Iterable[_T], handle: Callable[[_T], None], *, again: bool = False
) -> None:
    """Handles all items, also those after one in which an interrupt falls.

    Parameters
    ----------
    items : iterable
    handle : Callable
        Is called with each.
    again : bool, default: False
        Whether an item that was interrupted is handled again.

    Raises
    ------
    KeyboardInterrupt
        If there was one: at the end, or where it would take more than a second to go on. A second one is
        raised at once.
    """
    interrupt: KeyboardInterrupt | None = None
    deadline = slowest = 0.0
    for item in items:
        began = time.monotonic()
        if interrupt is not None and began + slowest > deadline:
            break
        try:
            handle(item)
        except KeyboardInterrupt as error:
            if interrupt is not None:
                raise
            interrupt, deadline = error, time.monotonic() + _AFTER_INTERRUPT
            if again:
                handle(item)
        slowest = max(slowest, time.monotonic() - began)
    if interrupt is not None:
        raise interrupt
