"""A jugfile does the same under jug 2.7.0 and here: exit statuses, tables, values, files."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.compat.harness import Case, Outcome, all_cases, run_case

CASES = all_cases()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_jugfile_does_the_same_as_under_jug_2_7_0(
    case: Case, reference: Path, ours: Path, tmp_path: Path
) -> None:
    """Every command of the case, run under both, ends and prints alike; values and files agree."""
    with ThreadPoolExecutor(2) as pool:
        expected = pool.submit(run_case, case, reference, tmp_path / "reference")
        got = pool.submit(run_case, case, ours, tmp_path / "ours")
    compare(case, expected.result(), got.result())


def compare(case: Case, expected: Outcome, got: Outcome) -> None:
    """Collects all differences and shows them at once, since one often explains the next."""
    differences = []
    for number, (theirs, ours) in enumerate(zip(expected.steps, got.steps, strict=True), start=1):
        where = f"{number}. {theirs.command}"
        if theirs.exit_status != ours.exit_status and number not in case.status_differs:
            differences.append(
                f"{where}: exit status {theirs.exit_status} became {ours.exit_status}\n{ours.stderr}"
            )
        if theirs.stdout != ours.stdout and number not in case.differs:
            differences.append(
                f"{where}: instead of\n{theirs.stdout}\nit printed\n{ours.stdout}\n{ours.stderr}"
            )
    for text in case.stderr:
        for whose, outcome in (("jug 2.7.0", expected), ("ours", got)):
            if not any(text in step.stderr + step.stdout for step in outcome.steps):
                differences.append(f"{whose} never says {text!r}")
    if expected.values != got.values:
        differences.append(f"values {expected.values} became {got.values}")
    if expected.files != got.files:
        differences.append(f"files {expected.files} became {got.files}")
    assert not differences, "\n\n".join(differences)


def test_the_cases_cover_what_real_jugfiles_use() -> None:
    """Every name of the frequency list over public jugfiles occurs in some case."""
    everything = "\n".join(case.source.read_text() for case in CASES)
    names = (
        "TaskGenerator CachedFunction Task( identity barrier( .f( bvalue( value( jug_execute( "
        "exit_if_file_exists set_jugdir map( sys.argv sync_move iteratetask reduce( .name exit_after_n_tasks "
        "currymap( init( cached_glob Tasklet( CompoundTaskGenerator CustomHash is_jug_running jug.main "
        "write_task_out register_hook return_tuple --keep-going --keep-failed --aggressive-unload --pattern "
        "sleep-until"
    )
    assert [name for name in names.split() if name not in everything] == []
    assert len(CASES) >= 20
