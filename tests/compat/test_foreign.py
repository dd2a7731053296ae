"""Neither package touches what the other one wrote."""

from pathlib import Path

import pytest

from benches import common, drain


def contents(directory: Path) -> dict[Path, bytes]:
    """Every file of a directory with its bytes."""
    return {path: path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("command", ["execute", "status", "check", "cleanup", "invalidate"])
def test_a_jugdir_of_jug_2_7_0_is_refused_and_left_alone(
    command: str, reference: Path, ours: Path, tmp_path: Path
) -> None:
    """One line that says what it is and what to do, exit status 1, no file changed."""
    jugfile, jugdir = drain.write_jugfile(tmp_path, 5), tmp_path / "results"
    common.succeed(common.jug(reference, "execute", jugfile, jugdir))
    before = contents(jugdir)
    options = ("--name", "nothing") if command == "invalidate" else ()
    done = common.succeed(common.jug(ours, command, jugfile, jugdir, *options), 1)
    assert contents(jugdir) == before
    assert done.stdout == ""
    [line] = done.stderr.strip().splitlines()
    assert str(jugdir) in line
    assert "--jugdir" in line
