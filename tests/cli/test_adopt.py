"""What `jug adopt` says; what it takes over from the real jug 2.7.0 is in tests/compat/test_adopt.py."""

import shutil
from pathlib import Path

import pytest

from tests.support.jugfiles import FAILING
from tests.support.screens import screen

TABLE = """\
     Adopted     Present     Missing  Unreadable  Task name
--------------------------------------------------------------------------------
{:12}{:12}           0           0  jugfile.add
{:12}{:12}           0           0  jugfile.double
................................................................................
{:12}{:12}           0           0  Total
"""
ALL_NEW = TABLE.format(1, 0, 6, 0, 7, 0)
NOTHING_NEW = TABLE.format(0, 1, 0, 6, 0, 7)


@pytest.fixture
def old(pipeline):
    """`jug` beside a jugfile.py, and its results in `jugfile.jugdata` as jug 2.7 would keep them."""
    pipeline("execute")
    done = pipeline("adopt", "--export", "exported")
    assert (done.returncode, done.stderr) == (0, "")
    shutil.rmtree(pipeline.folder / "jugfile.jugdata")
    (pipeline.folder / "exported").rename(pipeline.folder / "jugfile.jugdata")
    return pipeline


def results(directory: Path) -> dict[str, bytes]:
    """All files of a directory."""
    return {str(p.relative_to(directory)): p.read_bytes() for p in directory.rglob("*") if p.is_file()}


def test_an_old_jugdir_in_the_usual_place_is_taken_over_in_one_step(old) -> None:
    """It is kept under another name; after that everything is complete, and nothing is left to adopt."""
    before = results(old.folder / "jugfile.jugdata")
    done = old("adopt")
    assert screen(done.stdout).strip() == ALL_NEW.strip()
    assert done.returncode == 0
    assert (
        done.stderr
        == "jug: the old jugdir is jugfile.jugdata.old now; it can be removed when everything works\n"
    )
    assert results(old.folder / "jugfile.jugdata.old") == before
    assert old("check").returncode == 0
    again = old("adopt")
    assert screen(again.stdout).strip() == NOTHING_NEW.strip()
    assert (again.returncode, again.stderr) == (0, "")
    assert results(old.folder / "jugfile.jugdata.old") == before


@pytest.mark.parametrize("command", ["status", "execute", "check", "count", "shell", "cleanup"])
def test_every_command_says_how_to_adopt(command: str, old) -> None:
    """One line with a command that works, wherever the jugdir is."""
    before = results(old.folder / "jugfile.jugdata")
    done = old(command)
    assert done.returncode == 1
    assert done.stderr == (
        "jug: error: jugfile.jugdata was written by jug 2.x and was left untouched. 'jug adopt jugfile.py' "
        "takes its results over and keeps it as jugfile.jugdata.old; another --jugdir starts from nothing\n"
    )
    assert results(old.folder / "jugfile.jugdata") == before


def test_the_command_that_is_suggested_works_for_any_jugdir(old) -> None:
    """Here for one with a blank and a percent sign in its name."""
    (old.folder / "jugfile.jugdata").rename(old.folder / "my 5% results")
    done = old("status", "--jugdir", "my 5%% results/")
    assert "'jug adopt jugfile.py --jugdir 'my 5%% results'' takes" in done.stderr
    assert old("adopt", "jugfile.py", "--jugdir", "my 5%% results").returncode == 0
    assert old("check", "--jugdir", "my 5%% results").returncode == 0


def test_a_jugdir_that_the_jugfile_chooses_is_taken_over_as_well(old) -> None:
    """By the command that is suggested."""
    (old.folder / "jugfile.jugdata").rename(old.folder / "elsewhere")
    source = (old.folder / "jugfile.py").read_text()
    (old.folder / "jugfile.py").write_text("import jug\njug.set_jugdir('elsewhere')\n" + source)
    assert "'jug adopt jugfile.py --jugdir elsewhere'" in old("status").stderr
    assert old("adopt", "jugfile.py", "--jugdir", "elsewhere").returncode == 0
    assert old("check").returncode == 0


@pytest.mark.parametrize(
    "words", [("old",), ("jugfile.py", "old"), ("old", "jugfile.py"), ("jugfile.py", "old/")], ids=" ".join
)
def test_any_directory_can_be_adopted_and_stays_as_it_is(words: tuple[str, ...], old) -> None:
    """With and without the jugfile before it."""
    (old.folder / "jugfile.jugdata").rename(old.folder / "old")
    before = results(old.folder / "old")
    done = old("adopt", *words)
    assert screen(done.stdout).strip() == ALL_NEW.strip()
    assert (done.returncode, done.stderr) == (0, "")
    assert results(old.folder / "old") == before
    assert old("check").returncode == 0


def test_arguments_of_the_jugfile_stand_behind_dashes(old) -> None:
    """As with every command."""
    (old.folder / "jugfile.jugdata").rename(old.folder / "old")
    source = (old.folder / "jugfile.py").read_text()
    (old.folder / "jugfile.py").write_text("import sys\nprint(sys.argv)\n" + source)
    assert "['jugfile.py', '--fast', 'x']" in old("adopt", "old", "--", "--fast", "x").stdout


def test_what_cannot_be_read_is_named_and_makes_the_status_1(old) -> None:
    """The others are adopted; the task can run again."""
    broken = max(results(old.folder / "jugfile.jugdata"))
    (old.folder / "jugfile.jugdata" / broken).write_bytes(b"?")
    done = old("adopt")
    assert done.returncode == 1
    assert done.stdout.splitlines()[-2].split()[:4] == ["6", "0", "0", "1"]
    warning = done.stderr.splitlines()[0]
    assert warning.startswith("jug: warning: cannot read: task jugfile.")
    assert broken in warning
    assert old("execute").returncode == 0
    assert screen(old("adopt").stdout).strip() == NOTHING_NEW.strip()


def test_an_old_jugdir_keeps_its_name_if_nothing_was_adopted(old) -> None:
    """Here because the jugfile does not load."""
    before = results(old.folder / "jugfile.jugdata")
    (old.folder / "jugfile.py").write_text("raise ValueError('no')\n")
    done = old("adopt")
    assert done.returncode == 1
    assert "nothing was adopted, and jugfile.jugdata is as before" in done.stderr
    assert results(old.folder / "jugfile.jugdata") == before
    assert not (old.folder / "jugfile.jugdata.old").exists()


def test_a_jugdir_in_use_is_not_moved(old) -> None:
    """The message has the commands for the case that nobody uses it; they work."""
    (old.folder / "jugfile.jugdata" / "locks").mkdir()
    (old.folder / "jugfile.jugdata" / "locks" / "abc.lock").touch()
    done = old("adopt")
    assert done.returncode == 1
    assert "has 1 locks of tasks that jug 2.x may be running" in done.stderr
    assert "mv jugfile.jugdata jugfile.jugdata.old && jug adopt jugfile.py jugfile.jugdata.old" in done.stderr
    (old.folder / "jugfile.jugdata").rename(old.folder / "jugfile.jugdata.old")
    assert old("adopt", "jugfile.py", "jugfile.jugdata.old").returncode == 0


def test_nothing_is_overwritten_when_an_old_jugdir_is_moved(old) -> None:
    """There may be one from an earlier time."""
    shutil.copytree(old.folder / "jugfile.jugdata", old.folder / "jugfile.jugdata.old")
    done = old("adopt")
    assert done.returncode == 1
    assert "that exists; rename one of them" in done.stderr


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ((), "neither jugfile.jugdata nor jugfile.jugdata.old is a jugdir of jug 2.x"),
        (("none",), "none does not exist"),
        (("jugfile.py", "empty"), "empty is not a jugdir of jug 2.x"),
        (("a.py", "b", "c"), "expected a jugfile and an old jugdir"),
        (("--export", "back", "jugfile.py", "empty"), "no old jugdir is needed"),
        (("--export", "full"), "full is not empty"),
        (("--export", "jugfile.py"), "is not a directory"),
        (("--export", "jugfile.jugdata/deep/new"), "is in the jugdir jugfile.jugdata"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_makes_no_sense_is_refused_in_one_line(words: tuple[str, ...], why: str, pipeline) -> None:
    """Nothing is created, nothing is changed."""
    (pipeline.folder / "empty").mkdir()
    (pipeline.folder / "full").mkdir()
    (pipeline.folder / "full" / "file").touch()
    before = sorted(pipeline.folder.rglob("*"))
    done = pipeline("adopt", *words)
    assert done.returncode in (1, 2)
    [line] = done.stderr.splitlines()
    assert why in line
    assert sorted(pipeline.folder.rglob("*")) == before


def test_behind_a_barrier_there_may_be_more(jug) -> None:
    """It says how to go on."""
    source = """
        import jug
        @jug.TaskGenerator
        def f(x):
            return x
        {first}
        jug.barrier()
        f(3)
    """
    jug.write(source.format(first="f(1)"))
    jug("execute")
    jug("adopt", "--export", "old")
    shutil.rmtree(jug.folder / "jugfile.jugdata")
    jug.write(source.format(first="f(1), f(2)"))
    done = jug("adopt", "old")
    assert done.returncode == 0
    assert done.stdout.splitlines()[-2].split()[:4] == ["1", "0", "1", "0"]
    assert "run 'jug execute' and then 'jug adopt jugfile.py old' again" in done.stderr
    jug("execute", "--nr-wait-cycles", "0")
    again = jug("adopt", "old")
    assert again.stdout.splitlines()[-2].split()[:4] in (["1", "2", "0", "0"], ["0", "3", "0", "0"])


def test_tasks_without_a_key_in_jug_2_are_said_to_have_none(jug) -> None:
    """Here an array of dates, which jug 2.7 cannot hash."""
    jug.write(
        """
        import jug, numpy
        @jug.TaskGenerator
        def f(x):
            return str(x)
        f(f(numpy.array(["2020-01-01"], "M8[D]")))
        f(1)
        """
    )
    (jug.folder / "old" / "tempfiles").mkdir(parents=True)
    done = jug("adopt", "old")
    assert done.returncode == 0
    assert done.stdout.splitlines()[-2].split()[:4] == ["0", "0", "3", "0"]
    assert len(done.stderr.splitlines()) == 1
    assert "no key of jug 2.x can be computed: task jugfile.f: ValueError" in done.stderr
    jug("execute")
    exported = jug("adopt", "--export", "back")
    assert exported.returncode == 1
    assert exported.stdout.splitlines()[-2].split()[:2] == ["1", "2"]


def test_an_export_leaves_nothing_when_it_fails(jug) -> None:
    """No directory, and no part of one."""
    jug.write(FAILING)
    jug("execute", "--keep-going")
    jug.python(
        """
        import os, pytest
        from jug.legacy import export
        from jug.options import Options, default_options
        from jug.errors import UserError
        options = Options(default_options)
        options.jugdir = "jugfile.jugdata"
        def fail(*_):
            raise OSError(28, "No space left on device")
        export.write_value = fail
        with pytest.raises(OSError):
            export.export(options, "back")
        assert sorted(os.listdir()) == ["jugfile.jugdata", "jugfile.py"], os.listdir()
        """
    ).check_returncode()
