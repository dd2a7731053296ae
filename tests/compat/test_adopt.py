"""Results of the real jug 2.7.0, taken over and given back."""

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from benches import common

HERE = Path(__file__).parent
VALUES = [
    "points",
    "nothings",
    "arrays",
    "left",
    "right",
    "joined",
    "mapped",
    "folded",
    "text",
    "called",
    "globbed",
    "whole",
    "how_many",
    "after",
    "behind",
    "last",
]


def listing(directory: Path) -> dict[str, tuple[int, int, str]]:
    """Everything in a directory: mode, time of modification, and what is in it."""
    found = {}
    for path in (directory, *sorted(directory.rglob("*"))):
        status = path.lstat()
        contents = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        found[str(path.relative_to(directory))] = (status.st_mode, status.st_mtime_ns, contents)
    return found


def values(python: Path, jugfile: Path, jugdir: Path) -> list[str]:
    """What all names of the jugfile are worth."""
    done = common.run(
        [python, "-c", PROBE, jugfile.name, jugdir, *VALUES], jugfile.parent, PYTHONWARNINGS="ignore"
    )
    return common.succeed(done).stdout.splitlines()


def totals(done: common.Run) -> list[int]:
    """The numbers in the last row of the table that a command printed."""
    [row] = [line.split()[:-1] for line in done.stdout.splitlines() if line.split()[-1:] == ["Total"]]
    return [int(number) for number in row]


PROBE = """
import sys
import jug
_, jugfile, jugdir, *names = sys.argv
space = jug.init(jugfile, jugdir)[1]
assert "__jug__hasbarrier__" not in space
for name in names:
    print(name, repr(jug.value(space[name])))
"""


def place(tmp_path: Path) -> Path:
    """The jugfile in a directory of its own."""
    jugfile = tmp_path / "adopted.py"
    jugfile.write_bytes((HERE / "adopted.py").read_bytes())
    return jugfile


@pytest.mark.parametrize("packed", [False, True], ids=["loose", "packed"])
def test_everything_is_taken_over_and_can_be_given_back(
    packed: bool, reference: Path, ours: Path, tmp_path: Path
) -> None:
    """Also behind barriers, of compound tasks and of the jugfile's classes. Nothing runs or changes there."""
    jugfile, old, new, back = place(tmp_path), tmp_path / "old", tmp_path / "new", tmp_path / "back"
    common.succeed(common.jug(reference, "execute", jugfile, old))
    expected = values(reference, jugfile, old)
    if packed:
        common.succeed(common.jug(reference, "pack", jugfile, old))
    os.utime(old, (1, 1))
    before = listing(old)

    first = common.succeed(common.jug(ours, "adopt", jugfile, new, str(old)))
    assert listing(old) == before
    assert first.stderr == ""
    adopted, present, missing, unreadable = totals(first)
    assert adopted == 39
    assert (present, missing, unreadable) == (0, 0, 0)
    common.succeed(common.jug(ours, "check", jugfile, new))
    assert (tmp_path / "calls.txt").read_text() == "7\n"
    assert values(ours, jugfile, new) == expected

    second = common.succeed(common.jug(ours, "adopt", jugfile, new, str(old)))
    assert totals(second) == [0, adopted, 0, 0]

    common.succeed(common.jug(ours, "adopt", jugfile, new, "--export", str(back)))
    common.succeed(common.jug(reference, "check", jugfile, back))
    assert values(reference, jugfile, back) == expected
    assert (tmp_path / "calls.txt").read_text() == "7\n"


def test_frames_are_taken_over_and_can_be_given_back(reference: Path, ours: Path, tmp_path: Path) -> None:
    """Those of polars, which jug 2.7 keeps as Parquet, and those of pandas, which it pickles."""
    has_polars = subprocess.run([reference, "-c", "import polars, pandas"], check=False, capture_output=True)
    if has_polars.returncode:
        pytest.skip("the reference has no polars and no pandas")
    jugfile, old, new, back = tmp_path / "frames.py", tmp_path / "old", tmp_path / "new", tmp_path / "back"
    jugfile.write_text(
        "from jug import TaskGenerator\n"
        "@TaskGenerator\n"
        "def frame(library):\n"
        "    return __import__(library).DataFrame({'a': [1, 2], 'b': ['x', None]})\n"
        "@TaskGenerator\n"
        "def shown(frames):\n"
        "    return [(type(f).__module__.split('.')[0], f.shape, str(f)) for f in frames]\n"
        "frames = [frame('polars'), frame('pandas')]\n"
        "texts = shown(frames)\n"
    )
    common.succeed(common.jug(reference, "execute", jugfile, old))
    common.succeed(common.jug(ours, "adopt", jugfile, new, str(old)))
    common.succeed(common.jug(ours, "check", jugfile, new))
    common.succeed(common.jug(ours, "adopt", jugfile, new, "--export", str(back)))
    common.succeed(common.jug(reference, "check", jugfile, back))
    # What the tasks that show them make of what was taken over is what was made of the originals.
    for python, jugdir in ((ours, new), (reference, back)):
        common.succeed(
            common.run([python, "-c", FRAMES, jugfile.name, jugdir], jugfile.parent, PYTHONWARNINGS="ignore")
        )


FRAMES = """
import sys
import jug
space = jug.init(*sys.argv[1:])[1]
assert space["shown"].f(jug.value(space["frames"])) == jug.value(space["texts"])
"""


def test_a_jugfile_that_is_half_done_keeps_its_half(reference: Path, ours: Path, tmp_path: Path) -> None:
    """What failed or never ran there is run here; failure marks and locks are no results."""
    jugfile, old, new = tmp_path / "half.py", tmp_path / "old", tmp_path / "new"
    jugfile.write_text(
        "from jug import TaskGenerator\n"
        "@TaskGenerator\n"
        "def checked(n):\n"
        "    import os\n"
        "    if n == 2 and not os.path.exists('allowed'):\n"
        "        raise ValueError(n)\n"
        "    return n\n"
        "@TaskGenerator\n"
        "def added(*xs):\n"
        "    return sum(xs)\n"
        "total = added(*[checked(n) for n in range(4)])\n"
    )
    options = ("--keep-going", "--keep-failed", "--nr-wait-cycles", "1", "--wait-cycle-time", "0")
    common.succeed(common.jug(reference, "execute", jugfile, old, *options), 1)
    assert list((old / "locks").iterdir())
    adopted = common.succeed(common.jug(ours, "adopt", jugfile, new, str(old)))
    assert totals(adopted) == [3, 0, 2, 0]
    (tmp_path / "allowed").touch()
    done = common.succeed(common.jug(ours, "execute", jugfile, new))
    assert totals(done) == [2, 3]
    common.succeed(common.jug(ours, "check", jugfile, new))


def test_results_are_taken_over_into_any_store(reference: Path, ours: Path, tmp_path: Path) -> None:
    """Here one that is saved to a file; what the jugfile asks for without a barrier is found, too."""
    jugfile, old = tmp_path / "any.py", tmp_path / "old"
    jugfile.write_text(
        "import jug, sys\n"
        "@jug.TaskGenerator\n"
        "def double(x):\n"
        "    return 2 * x\n"
        "numbers = [double(n) for n in range(5)]\n"
        "if 'look' in sys.argv:\n"
        "    assert jug.value(numbers) == [0, 2, 4, 6, 8]\n"
    )
    common.succeed(common.jug(reference, "execute", jugfile, old))
    store = f"dict_store:{tmp_path / 'new'}"
    adopted = common.run(
        [ours.parent / "jug", "adopt", "--jugdir", store, jugfile, old, "--", "look"], tmp_path
    )
    assert totals(common.succeed(adopted)) == [5, 0, 0, 0]
    common.succeed(common.run([ours.parent / "jug", "check", "--jugdir", store, jugfile], tmp_path))
