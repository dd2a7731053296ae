"""Some seconds of torture: whatever happens to workers, every task ends with one right result."""

from pathlib import Path

import pytest

from tests.support import torture


# Disks stall for a second now and then, under what else runs on a machine: a lease is longer than that.
@pytest.mark.parametrize(("claims", "lease"), [("posix", None), ("link", 2.0)])
def test_workers_that_are_killed_and_paused_finish_everything_and_run_nothing_twice(
    tmp_path: Path, claims: str, lease: float | None
) -> None:
    """C1, C3, C4, S7: killed workers block nobody, and a task runs again only where its worker was lost.

    With a lease, workers behave as if each were on a host of its own, and a pause may be longer than it.
    """
    outcome = torture.run(tmp_path, workers=4, seconds=6, seed=1, claims=claims, lease=lease)
    assert outcome.faults() == []
    assert outcome.kills + outcome.pauses >= 10
    assert outcome.excused <= outcome.kills * outcome.workers + 50
    print(outcome)
