"""Results of the real jug 2.7.0 whose keys depend on a look at arguments, or on what is installed."""

import os
import subprocess
from pathlib import Path

import pytest

from benches import common
from tests.compat.test_adopt import totals
from tests.support.missing import missing

HERE = Path(__file__).parent
ADOPTED_OBJECTS, ADOPTED_TEXTS, ADOPTED_VALUES = 75, 18, 37


def place(tmp_path: Path, name: str) -> Path:
    """The jugfile in a directory of its own."""
    jugfile = tmp_path / name
    jugfile.write_bytes((HERE / name).read_bytes())
    return jugfile


def has(python: Path, module: str) -> bool:
    """Whether an interpreter has a module."""
    return not subprocess.run([python, "-c", f"import {module}"], check=False, capture_output=True).returncode


@pytest.fixture
def pandas_there(reference: Path) -> Path:
    """The reference, which has pandas and no pyarrow: `./dev reference` makes it so."""
    if not has(reference, "pandas"):
        missing("the reference has no pandas")
    if has(reference, "pyarrow"):
        missing("the reference has pyarrow")
    return reference


def test_what_our_keys_change_about_arguments_hides_no_result(
    pandas_there: Path, ours: Path, tmp_path: Path
) -> None:
    """Partial functions, pandas' nullable columns and parsers: before barriers, behind them, shared."""
    jugfile, old, new, back = (
        place(tmp_path, "adopted_objects.py"),
        *(tmp_path / d for d in ("old", "new", "back")),
    )
    common.succeed(common.jug(pandas_there, "execute", jugfile, old))
    adopted = common.succeed(common.jug(ours, "adopt", jugfile, new, str(old)))
    assert totals(adopted) == [ADOPTED_OBJECTS, 0, 0, 0]
    common.succeed(common.jug(ours, "check", jugfile, new))
    # The way back has to compute the same keys.
    common.succeed(common.jug(ours, "adopt", jugfile, new, "--export", str(back)))
    common.succeed(common.jug(pandas_there, "check", jugfile, back))


def test_frames_with_texts_are_found_although_pyarrow_was_added_since(
    pandas_there: Path, ours: Path, tmp_path: Path
) -> None:
    """Their old keys are looked for as they are with it and without it."""
    jugfile, old, new = place(tmp_path, "adopted_texts.py"), tmp_path / "old", tmp_path / "new"
    common.succeed(common.jug(pandas_there, "execute", jugfile, old))
    adopted = common.succeed(common.jug(ours, "adopt", jugfile, new, str(old)))
    assert totals(adopted) == [ADOPTED_TEXTS, 0, 0, 0]
    common.succeed(common.jug(ours, "check", jugfile, new))


def test_frames_with_texts_are_found_where_pyarrow_was_there_before(
    pandas_there: Path, ours: Path, tmp_path: Path
) -> None:
    """By jug 2.7.0 with the libraries of this interpreter, which has pyarrow."""
    jugfile, old, new = place(tmp_path, "adopted_texts.py"), tmp_path / "old", tmp_path / "new"
    [package] = (pandas_there.parents[1] / "lib").glob("python*/site-packages/jug")
    (tmp_path / "path").mkdir()
    (tmp_path / "path" / "jug").symlink_to(package)
    command = "import sys; from jug.jug import main; sys.exit(main(['jug', *sys.argv[1:]]))"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "path")}
    subprocess.run(
        [ours, "-c", command, "execute", jugfile.name, "--jugdir", old],
        cwd=tmp_path,
        env=environment,
        check=True,
        capture_output=True,
    )
    adopted = common.succeed(common.jug(ours, "adopt", jugfile, new, str(old)))
    assert totals(adopted) == [ADOPTED_TEXTS, 0, 0, 0]


def test_results_that_are_arguments_behind_a_barrier_are_as_jug_2_7_has_them(
    pandas_there: Path, ours: Path, tmp_path: Path
) -> None:
    """What is stored here has another pickle, and so have old keys that are computed of it."""
    jugfile, old, new, back = (
        place(tmp_path, "adopted_values.py"),
        *(tmp_path / d for d in ("old", "new", "back")),
    )
    common.succeed(common.jug(pandas_there, "execute", jugfile, old))
    adopted = common.succeed(common.jug(ours, "adopt", jugfile, new, str(old)))
    assert totals(adopted) == [ADOPTED_VALUES, 0, 0, 0]
    common.succeed(common.jug(ours, "check", jugfile, new))
    common.succeed(common.jug(ours, "adopt", jugfile, new, "--export", str(back)))
    common.succeed(common.jug(pandas_there, "check", jugfile, back))
