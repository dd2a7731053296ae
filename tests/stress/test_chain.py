"""A chain of 100,000 tasks meets no recursion limit and no quadratic walk."""

from pathlib import Path

from benches import chain
from benches.common import OURS


def test_a_chain_of_100000_tasks_runs_is_checked_and_invalidated(tmp_path: Path) -> None:
    """Every command works on it, and invalidating its first task takes all others along."""
    runs = chain.run_all(OURS, chain.write_jugfile(tmp_path, chain.TASKS), tmp_path / "results")
    for command, run, exit_status in zip(chain.COMMANDS, runs, chain.EXIT_STATUSES, strict=True):
        assert run.exit_status == exit_status, f"{command}: {run.stderr}"
    invalidated = runs[chain.COMMANDS.index("invalidate")].stdout
    assert str(chain.TASKS) in invalidated
