"""How many tasks are claimed at a time."""

from __future__ import annotations

from jug.engine.worker.batch_size import BatchSize


def sizes(seconds: float, refresh: float = 0.0, *, batches: int = 8) -> BatchSize:
    """After some batches of tasks that take so long each."""
    batch = BatchSize(1024)
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
