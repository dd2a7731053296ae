"""Blocks of code that hold a lease: `with jug.leases.lease(...)`."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from pathlib import Path

import pytest

import jug.leases
from jug.leases import LeaseBusy, LeaseLost, open_lease


def test_a_block_whose_lease_is_lost_is_interrupted(tmp_path: Path) -> None:
    """Also while it sleeps; what it raises names the lease."""
    folder = tmp_path / "leases"
    began = time.monotonic()
    with pytest.raises(LeaseLost, match=r"'nightly' at .*leases was lost while it was needed"):
        sleep_with_lease(folder)
    assert time.monotonic() - began < 500
    assert signal.getsignal(signal.SIGURG) is signal.SIG_DFL


def sleep_with_lease(folder: Path) -> None:
    """Sleeps for long with a lease that is lost."""
    with jug.leases.lease(f"file://{folder}", "nightly"):
        threading.Timer(0.1, shutil.rmtree, [folder]).start()
        time.sleep(600)


def test_a_block_in_another_thread_is_interrupted_between_two_steps(tmp_path: Path) -> None:
    """There nothing ends a call that waits."""
    folder = tmp_path / "leases"
    raised: list[BaseException] = []

    def work() -> None:
        try:
            with jug.leases.lease(f"file://{folder}", "nightly"):
                shutil.rmtree(folder)
                while True:
                    time.sleep(0.01)
        except LeaseLost as error:
            raised.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(60)
    assert len(raised) == 1


def test_a_block_that_is_not_to_be_interrupted_is_told_at_its_end(tmp_path: Path) -> None:
    """It can ask meanwhile."""
    folder = tmp_path / "leases"
    seen = []

    def work() -> None:
        with jug.leases.lease(f"file://{folder}", "nightly", interrupt=False) as lease:
            shutil.rmtree(folder)
            assert lease.wait_lost(60)
            seen.append(lease.is_held())

    with pytest.raises(LeaseLost):
        work()
    assert seen == [False]


def test_a_lease_that_is_busy_is_an_error_that_names_the_holder(tmp_path: Path) -> None:
    """Or it is waited for."""
    url = f"file://{tmp_path}/leases"
    with open_lease(url, "nightly") as held:
        assert held.acquire()
        with pytest.raises(LeaseBusy) as caught, jug.leases.lease(url, "nightly"):
            pass
        message = str(caught.value)
        assert message.startswith(
            f"the lease 'nightly' at {tmp_path}/leases was busy: process {os.getpid()} on "
        )
        assert message.endswith(" UTC")
        assert "\n" not in message
        assert caught.value.owner == held.owner()
        threading.Timer(0.3, held.release).start()
        with jug.leases.lease(url, "nightly", wait=60) as second:
            assert second.is_held()


def test_a_block_may_give_its_lease_up(tmp_path: Path) -> None:
    """That is no loss; and a loss of a lease inside is not one of that outside."""
    with jug.leases.lease(f"file://{tmp_path}/a", "nightly") as held:
        assert held.release()
    with (
        jug.leases.lease(f"file://{tmp_path}/a", "nightly"),
        pytest.raises(LeaseLost, match="/b was lost"),
    ):
        sleep_with_lease(tmp_path / "b")
