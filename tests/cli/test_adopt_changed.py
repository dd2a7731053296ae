"""jug adopt: arguments that are changed after their task was made, and results that the jugfile asks for."""

import shutil
from textwrap import dedent

import pytest

NOTED = """
from jug import CachedFunction, TaskGenerator, barrier, value

@TaskGenerator
def total(xs):
    with open("calls.txt", "a") as out:
        out.write(f"{list(xs)}\\n")
    return float(sum(xs))

@TaskGenerator
def add(a, b):
    return a + b

def names():
    return [1, 2, 3]
"""
#: In jug 2.7 `base` has the key that its argument has at the end. One version of the jugfile ended earlier.
EXTENDED = """
config = [1]
base = total(config)
above = add(base, 100)
config.extend(CachedFunction(names))
full = total(config)
above_full = add(full, 100)
"""
#: The calls whose results jug 2.7 has after it ran both versions.
EXTENDED_CALLS = """
CachedFunction(names), add(total([1]), 100), add(total([1, 1, 2, 3]), 100)
"""


@pytest.fixture
def written(jug):
    """Writes `old` with the results of some calls, and then the jugfile."""

    def write(calls: str, jugfile: str) -> None:
        jug.write(NOTED + dedent(calls))
        jug("execute").check_returncode()
        jug("adopt", "--export", "old").check_returncode()
        shutil.rmtree(jug.folder / "jugfile.jugdata")
        (jug.folder / "calls.txt").unlink()
        jug.write(NOTED + dedent(jugfile))

    jug.write_old = write
    return jug


def row(done) -> list[int]:
    """The numbers in the last row of the table that a command printed."""
    assert done.returncode == 0, done.stderr
    [numbers] = [line.split()[:-1] for line in done.stdout.splitlines() if line.split()[-1:] == ["Total"]]
    return [int(number) for number in numbers]


def values(jug, *names: str) -> list[object]:
    """What names of the jugfile are worth once all has run."""
    jug("execute").check_returncode()
    code = f"import jug; s, n = jug.init('jugfile.py'); print([jug.value(n[x]) for x in {names!r}])"
    done = jug.python(code)
    done.check_returncode()
    return eval(done.stdout.splitlines()[-1])


def calls(jug) -> list[str]:
    """The arguments of the calls that ran here."""
    file = jug.folder / "calls.txt"
    return file.read_text().splitlines() if file.exists() else []


def test_what_is_changed_between_two_looks_gets_no_result_of_its_other_value(written) -> None:
    """Each task has the result of its argument as it was when the task was made, and so has what needs it."""
    written.write_old(EXTENDED_CALLS, EXTENDED)
    assert row(written("adopt", "old")) == [5, 0, 0, 0]
    assert values(written, "base", "above", "full", "above_full") == [1, 101, 7, 107]
    assert calls(written) == []


def test_what_is_changed_after_its_key_was_asked_for_gets_no_result_of_its_new_value(written) -> None:
    """The jugfile may ask for it itself; what needs it is missing as well."""
    written.write_old(
        "add(total([1, 2]), 100)",
        """
        xs = [1]
        a = total(xs)
        a.hash()
        xs.append(2)
        b = add(a, 100)
        """,
    )
    assert row(written("adopt", "old")) == [0, 0, 2, 0]
    assert values(written, "a", "b") == [1, 101]


def test_what_was_changed_before_any_look_is_not_called_adopted(written) -> None:
    """A buffer that is filled again for each task: `jug execute` asks for what it held at that time."""
    filled = """
    buffer, ts = [0], []
    for i in range(3):
        buffer[0] = i
        ts.append(total(buffer))
    """
    written.write_old("total([2])", filled)
    assert row(written("adopt", "old")) == [1, 0, 2, 0]
    assert values(written, "ts") == [[0, 1, 2]]
    assert calls(written) == ["[0]", "[1]"]


def test_what_is_filled_again_in_a_loop_with_looks_has_the_right_results(written) -> None:
    """Arrays, whose memory is the same one for all tasks."""
    pytest.importorskip("numpy")
    filled = """
    import numpy
    buffer, ts = numpy.zeros(3), []
    for i in range(3):
        buffer[:] = i
        ts.append(total(buffer))
        if i == 1:
            assert CachedFunction(names) == [1, 2, 3]
    """
    made = "import numpy\nCachedFunction(names), [total(numpy.full(3, float(i))) for i in range(3)]"
    written.write_old(made, filled)
    adopted, present, missing, unreadable = row(written("adopt", "old"))
    assert values(written, "ts") == [[0.0, 3.0, 6.0]]
    assert len(calls(written)) == missing
    assert (adopted + missing, present, unreadable) == (4, 0, 0)


def test_the_way_back_gives_no_task_the_result_of_another_value(written) -> None:
    """The same pairs of keys count there."""
    written.write(NOTED + EXTENDED + "small = total([1])\n")
    expected = values(written, "base", "full", "above", "above_full", "small")
    assert expected == [1, 7, 101, 107, 1]
    written("adopt", "--export", "old").check_returncode()
    written.write(NOTED + EXTENDED_CALLS)
    assert row(written("adopt", "old", "--jugdir", "new")) == [5, 0, 0, 0]
    (written.folder / "calls.txt").unlink()
    again = "small, full = total([1]), total([1, 1, 2, 3])\nboth = add(small, 100), add(full, 100)"
    written.write(NOTED + again)
    shutil.rmtree(written.folder / "jugfile.jugdata")
    assert row(written("adopt", "old")) == [4, 0, 0, 0]
    assert values(written, "small", "full", "both") == [1, 7, (101, 107)]
    assert calls(written) == []


def test_two_results_for_which_jug_2_has_one_key_are_not_exported_in_silence(jug) -> None:
    """Here of a file that was changed within a second."""
    jug.write(
        """
        import os
        from jug import TaskGenerator, barrier
        from jug.utils import timed_path

        @TaskGenerator
        def changed(path):
            return os.stat(path).st_mtime_ns

        open("data", "a").close()
        os.utime("data", ns=(10**18, 10**18))
        first = changed(timed_path("data"))
        barrier()
        os.utime("data", ns=(10**18 + 1, 10**18 + 1))
        second = changed(timed_path("data"))
        """
    )
    assert jug("execute").returncode == 0
    done = jug("adopt", "--export", "old")
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert "cannot export: task jugfile.changed: jug 2.x takes it for another task" in line
    assert [p for p in (jug.folder / "old").rglob("*") if p.is_file()] != []


def test_the_jugfile_gets_results_as_jug_2_has_them(jug) -> None:
    """Old keys behind a barrier are those of what jug 2.7 reads; what is stored here has another pickle."""
    pytest.importorskip("pandas")
    jug.write(
        """
        import pandas
        from jug import TaskGenerator, barrier, value

        @TaskGenerator
        def table(n):
            return pandas.DataFrame({1: pandas.array([n, None], dtype="Int64")})

        @TaskGenerator
        def rows(frame, n):
            return len(frame)

        first = table(1)
        barrier()
        behind = rows(value(first), 1)
        barrier()
        last = rows([value(first)], value(behind))
        """
    )
    written = jug.run_python("-c", WRITE_BEHIND)
    assert written.returncode == 0, written.stderr
    assert row(jug("adopt", "old")) == [3, 0, 0, 0]
    assert jug("check").returncode == 0


WRITE_BEHIND = """
import hashlib, pathlib, pickle
import pandas
from jug.legacy.keys import Keys
from jug.legacy.values import write_value

def write(name, args, value):
    labelled = [("name", b"jugfile." + name), ("args", args), ("kwargs", {})]
    key = Keys().hash_update(hashlib.sha1(), labelled).hexdigest()
    path = pathlib.Path("old", key[:2], key[2:])
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file:
        write_value(value, file)

frame = pandas.DataFrame({1: pandas.array([1, None], dtype="Int64")})
write(b"table", (1,), frame)
read = pickle.loads(pickle.dumps(frame, 4))
write(b"rows", (read, 1), 2)
write(b"rows", ([read], 2), 2)
"""


def test_tasks_are_looked_at_once_however_many_barriers_there_are(written) -> None:
    """Their keys are computed at the first barrier behind them, all together."""
    staged = "for k in range(10):\n    [total([k, i]) for i in range(20)]\n    barrier()"
    written.write_old(staged, staged)
    done = written.python(
        """
        from jug.legacy import adopt, keys, pairs
        from jug.legacy.jugdir import OldJugdir
        from jug.options import Options, default_options

        def counted(owner, name):
            original, counts[name] = getattr(owner, name), 0
            def call(*args):
                counts[name] += 1
                return original(*args)
            setattr(owner, name, call)

        counts = {}
        counted(keys.Keys, "_compute")
        counted(pairs, "_twin")
        counted(pairs, "without_a_trace")
        options = Options(default_options)
        options.jugdir = "jugfile.jugdata"
        adopted = adopt.adopt(options, OldJugdir("old"))
        assert sum(adopted.counts["Adopted"].values()) == 200
        print(counts)
        """
    )
    done.check_returncode()
    counts = eval(done.stdout.splitlines()[-1])
    assert counts == {"_compute": 400, "_twin": 200, "without_a_trace": 10}
