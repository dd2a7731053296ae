"""How many tasks are claimed at a time."""

from __future__ import annotations

from jug.engine.worker.batch_size import BatchSize


def sizes(
    seconds: float, refresh: float = 0.0, *, batches: int = 8, counts_requests: bool = False
) -> BatchSize:
    """After some batches of tasks that take so long each."""
    batch = BatchSize(1024, counts_requests=counts_requests)
    for _ in range(batches):
        tasks = batch.next(100_000)
        batch.ran(tasks, tasks * seconds, refresh)
    return batch


def test_short_tasks_come_in_large_batches_and_long_ones_alone() -> None:
    """About 0.2 s of work."""
    assert sizes(0.001).next(100_000) == 200
    assert sizes(1.0).next(100_000) == 1


def test_where_a_refresh_takes_long_a_batch_takes_longer() -> None:
    """Otherwise a worker on a network filesystem would spend its time looking."""
    assert sizes(0.01, 0.05).next(100_000) == 100
    assert sizes(0.01, 10.0).next(100_000) == 200, "but never for many seconds"


def test_where_requests_count_short_tasks_come_in_batches_and_all_workers_get_some() -> None:
    """A batch costs some requests, whatever is in it: up to 32 tasks or 2 s of work share them."""
    batch = sizes(0.3, counts_requests=True)
    assert batch.next(100_000, 2) == 6
    assert batch.next(40, 16) == 1
    assert batch.next(12, 2) == 3
    assert sizes(0.06, counts_requests=True).next(100_000, 2) == 32
    assert sizes(0.001, counts_requests=True).next(100_000, 2) == 200
    assert sizes(0.6, counts_requests=True).next(100_000, 2) == 1, "others need not wait behind what is long"
    assert sizes(0.3).next(100_000, 2) == 1, "on one host a batch costs no request"


def test_others_are_left_some_tasks_unless_sharing_them_takes_longer_than_to_run_them() -> None:
    """Twelve tasks are left."""
    assert sizes(0.001).next(12) == 3
    assert sizes(0.001, 0.05).next(12) == 12


def test_the_first_task_of_a_process_does_not_count_for_long() -> None:
    """It takes a second, because it imports what all of them need."""
    batch = BatchSize(1024)
    batch.ran(1, 1.0)
    batch.ran(1, 0.001)
    batch.ran(4, 0.004)
    assert batch.next(100_000) == 16
