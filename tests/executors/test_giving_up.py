"""What runs in a thread ends when nobody wants it any more."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from jug.executors import giving_up
from jug.executors.giving_up import GivenUp, run_until_given_up


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop in a thread of its own, as a worker of dask has it."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield loop
    # What was begun there has ended then.
    asyncio.run_coroutine_threadsafe(asyncio.sleep(0.05), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_what_is_wanted_returns_what_it_returns_and_raises_what_it_raises(
    loop: asyncio.AbstractEventLoop,
) -> None:
    assert run_until_given_up(lambda: 7, lambda: False, loop) == 7
    with pytest.raises(ZeroDivisionError):
        run_until_given_up(lambda: 1 // 0, lambda: False, loop)


def test_what_takes_no_notice_is_interrupted_again_and_what_it_returns_does_not_count(
    loop: asyncio.AbstractEventLoop,
) -> None:
    """Somebody may want it again meanwhile."""
    interrupts = []
    # An interrupt that comes where nothing takes notice of it would end it.
    takes_no_notice = threading.Event()

    def stubborn() -> int:
        while len(interrupts) < 3:
            try:
                takes_no_notice.set()
                while True:
                    time.sleep(0.001)
            except GivenUp:
                interrupts.append(1)
        return 7

    def is_given_up() -> bool:
        if takes_no_notice.wait(1):
            takes_no_notice.clear()
        return True

    assert run_until_given_up(stubborn, is_given_up, loop) is None
    assert len(interrupts) == 3


def test_nothing_is_interrupted_that_the_thread_runs_afterwards(loop: asyncio.AbstractEventLoop) -> None:
    """Whoever gives it up in the last moment, here at the second look, may do so in vain."""
    found = []
    for _ in range(30):
        ends = time.monotonic() + giving_up._PERIOD

        def is_over(ends: float = ends) -> bool:
            return time.monotonic() >= ends

        def until_then(is_over: Callable[[], bool] = is_over) -> int:
            while not is_over():
                pass
            return 7

        found.append(run_until_given_up(until_then, is_over, loop))
        for _ in range(20_000):
            pass
    assert {*found} <= {7, None}


def test_nobody_looks_any_more_when_it_has_ended(loop: asyncio.AbstractEventLoop) -> None:
    looks: list[int] = []

    def look() -> bool:
        looks.append(1)
        return False

    for _ in range(10):
        run_until_given_up(lambda: 7, look, loop)

    async def still_there() -> int:
        return len(asyncio.all_tasks()) - 1

    asyncio.run_coroutine_threadsafe(asyncio.sleep(0.05), loop).result()
    assert asyncio.run_coroutine_threadsafe(still_there(), loop).result() == 0
