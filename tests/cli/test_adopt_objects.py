"""jug adopt: arguments whose pickle, and so their key in jug 2.7, is another one after our key was computed.

The old jugdir is written by a process that does nothing but make the arguments and hash them by the rules of
jug 2.7. That these are its rules is seen beside the real one, in tests/compat.
"""

import shutil

import pytest

from tests.support.paths import ROOT

pytest.importorskip("pandas")
pytest.importorskip("pyarrow")

WRITE = """
import hashlib
import pathlib
import sys
import types

from jug.legacy.keys import Keys
from jug.legacy.values import write_value

name, *options = sys.argv[1:]
if options:
    import pandas

    pandas.set_option("mode.string_storage", "python")
tasks = []
stand_in = types.ModuleType("jug")
stand_in.Task = lambda f, *args: tasks.append((f, args)) or tasks[-1]
stand_in.barrier = lambda: None
stand_in.value = lambda t: t[1][1]
sys.modules["jug"] = stand_in
module = sys.modules[name] = types.ModuleType(name)
exec(compile(pathlib.Path(f"{name}.py").read_text(), f"{name}.py", "exec"), module.__dict__)
for f, args in tasks:
    labelled = [("name", f"{name}.{f.__name__}".encode()), ("args", args), ("kwargs", {})]
    key = Keys().hash_update(hashlib.sha1(), labelled).hexdigest()
    folder = pathlib.Path("old", key[:2])
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / key[2:], "wb") as file:
        write_value(args[1], file)
print(len(tasks))
"""


def adopted(jug, name: str, *options: str) -> tuple[list[int], int]:
    """The last row of the table that `jug adopt` prints, and how many tasks there are."""
    shutil.copyfile(ROOT / "tests" / "compat" / f"{name}.py", jug.folder / f"{name}.py")
    written = jug.run_python("-c", WRITE, name, *options)
    assert written.returncode == 0, written.stderr
    done = jug("adopt", f"{name}.py", "old")
    assert done.returncode == 0, done.stderr
    [row] = [line.split()[:-1] for line in done.stdout.splitlines() if line.split()[-1:] == ["Total"]]
    return [int(number) for number in row], int(written.stdout)


def test_what_our_keys_change_about_arguments_hides_no_result(jug) -> None:
    """Partial functions, pandas' nullable columns and parsers: before barriers, behind them, shared."""
    row, count = adopted(jug, "adopted_objects")
    assert count > 50
    assert row == [count, 0, 0, 0]


@pytest.mark.parametrize("options", [(), ("without pyarrow",)])
def test_texts_are_found_whether_or_not_there_was_pyarrow(jug, options: tuple[str, ...]) -> None:
    """Their old keys are looked for as they are with it and without it."""
    row, count = adopted(jug, "adopted_texts", *options)
    assert count > 15
    assert row == [count, 0, 0, 0]
