"""What a machine, a sandbox or a shell may lack, and that it makes no difference."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile

import pytest

from tests.support.command import Jug
from tests.support.missing import missing
from tests.support.waiting import wait_for

JUGFILE = """
    from jug import TaskGenerator

    @TaskGenerator
    def double(x):
        print("doubles", x)
        return 2 * x

    results = [double(i) for i in range(5)]
"""

#: Commands that print, and that leave all as it is.
COMMANDS = [
    "status",
    "status --json",
    "check --stable",
    "count",
    "explain double",
    "failures",
    "fsck",
    "provenance double",
]

#: What is said where stdout cannot be written.
FULL = "jug: error: cannot write to standard output: No space left on device; what was stored is safe\n"


def shell(jug: Jug, line: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs a line of a shell in which `$jug` is the command."""
    variables = {"jug": f"{sys.executable} -m jug", "PYTHONUNBUFFERED": "", **variables}
    return subprocess.run(
        line, shell=True, cwd=jug.folder, env=jug.env(variables), capture_output=True, text=True, timeout=120
    )


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("command", ["execute", "execute -n 2", *COMMANDS])
def test_a_full_disk_behind_stdout_is_no_matter_of_the_store(jug: Jug, command: str, unbuffered: str) -> None:
    """The advice is about what was printed, which comes once, and the results are there."""
    jug.write(JUGFILE.replace('        print("doubles", x)\n', ""))
    if not command.startswith("execute"):
        assert jug("execute").returncode == 0
    done = shell(jug, f"$jug {command} --will-cite > /dev/full", PYTHONUNBUFFERED=unbuffered)
    assert (done.returncode, done.stderr) == (1, FULL)
    assert jug("check").returncode == 0


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("words", ["--help", "--version", "execute --help", "runjob --help"])
def test_help_that_cannot_be_written_is_an_error(jug: Jug, words: str, unbuffered: str) -> None:
    done = shell(jug, f"$jug {words} > /dev/full", PYTHONUNBUFFERED=unbuffered)
    assert (done.returncode, done.stderr) == (1, FULL)


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("lines", ["", "value(results)"])
def test_a_shell_that_cannot_print_says_so_in_one_line(jug: Jug, lines: str, unbuffered: str) -> None:
    pytest.importorskip("IPython")
    jug.write(JUGFILE)
    done = shell(jug, f"echo '{lines}' | $jug shell > /dev/full", PYTHONUNBUFFERED=unbuffered)
    assert (done.returncode, done.stderr) == (1, FULL)


def test_a_reader_that_has_gone_gets_no_complaint(jug: Jug) -> None:
    jug.write(JUGFILE)
    done = shell(jug, "{ $jug status; echo $? >&2; } | true")
    assert done.stderr in ("0\n", "1\n")


@pytest.mark.parametrize("claims", ["posix", "link"])
@pytest.mark.parametrize("error", ["ENOSYS", "EPERM"])
def test_a_system_without_statx_runs_and_remembers(jug: Jug, error: str, claims: str) -> None:
    """Linux before 4.11 has none, for which the C library reports other errors, and sandboxes forbid it."""
    if shutil.which("strace") is None:
        missing("there is no strace")
    jug.write(JUGFILE)
    without = f"strace -f -qq -o trace -e trace=statx -e inject=statx:error={error} $jug"
    done = shell(jug, f"{without} execute --will-cite --short --claims={claims}")
    assert (done.returncode, done.stderr) == (0, "")
    assert "INJECTED" in (jug.folder / "trace").read_text()
    again = shell(jug, f"{without} execute --will-cite --short")
    assert again.stdout.splitlines()[:2] == ["Executed:  0 tasks", "Loaded:  5 tasks"]


@pytest.mark.parametrize("claims", ["posix", "link"])
def test_a_umask_of_777_leaves_the_owner_what_jug_needs(jug: Jug, claims: str) -> None:
    """Root may write to all files, and took its own segments for closed off."""
    jug.write(JUGFILE)
    done = shell(jug, f"umask 777; $jug execute --will-cite --short --claims={claims}")
    assert (done.returncode, done.stderr) == (0, "")
    again = shell(jug, "umask 777; $jug execute -n 2 --will-cite --short; $jug pack --force; $jug check")
    assert (again.returncode, again.stderr) == (0, "")
    assert "Executed:  0 tasks" in again.stdout
    for path in (jug.folder / "jugfile.jugdata").rglob("*"):
        assert path.stat().st_mode & 0o600 in (0o600, 0o400), path
        assert not path.stat().st_mode & 0o077, path


@pytest.mark.parametrize("locale", ["C", "POSIX"])
def test_the_plainest_locale_has_all_names(jug: Jug, locale: str) -> None:
    """Python takes paths and output for UTF-8 there."""
    jug.write(JUGFILE.replace("double(", "doublé("), "jügfile.py")
    for words in ("execute --short --will-cite", "execute -n 2 --short --will-cite", "status"):
        done = shell(jug, f"$jug {words} jügfile.py", LC_ALL=locale)
        assert (done.returncode, done.stderr) == (0, ""), words
    assert "jügfile.doublé" in done.stdout
    assert (jug.folder / "jügfile.jugdata").is_dir()


def test_a_jugdir_that_the_encoding_of_paths_cannot_name_is_one_line_with_advice(jug: Jug) -> None:
    jug.write(JUGFILE, "jügfile.py")
    done = shell(jug, "$jug execute jügfile.py", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.endswith("or set PYTHONUTF8=1, as Python takes all paths for ascii\n")


@pytest.mark.parametrize("how", ["", "-n 2", "--backend=processes -n 2", "--backend=loky -n 2"])
def test_helper_modules_may_be_in_a_zip(jug: Jug, how: str) -> None:
    """One that the jugfile puts on the path itself."""
    with zipfile.ZipFile(jug.folder / "helpers.zip", "w") as archive:
        archive.writestr("zipped.py", "def triple(x):\n    return 3 * x\n\nclass Pair:\n    first = 1\n")
    jug.write(
        """
        import sys
        from pathlib import Path
        sys.path.insert(0, str(Path(__file__).with_name("helpers.zip")))
        from jug import TaskGenerator
        import zipped

        @TaskGenerator
        def work(x, pair):
            return zipped.triple(x) + pair.first

        results = [work(i, zipped.Pair()) for i in range(3)] + [TaskGenerator(zipped.triple)(5)]
        """
    )
    done = shell(jug, f"$jug execute {how} --will-cite --short")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Executed:  4 tasks" in done.stdout
    assert jug("check").returncode == 0


def test_workers_that_may_have_few_descriptors_leave_tasks_some_of_them(jug: Jug) -> None:
    """Of 32 a worker takes 24 at most, and no task runs twice; its claims would take 64."""
    jug.write(
        """
        import os
        from jug import TaskGenerator

        @TaskGenerator
        def work(i):
            with open("ran", "a") as file:
                file.write(f"{i} {len(os.listdir('/proc/self/fd'))}\\n")
            return i

        results = [work(i) for i in range(1000)]
        """
    )
    worker = "$jug execute --will-cite --short"
    done = shell(jug, f"ulimit -n 32; {worker} & {worker}; mine=$?; wait $! && exit $mine")
    assert (done.returncode, done.stderr) == (0, "")
    ran = [tuple(map(int, line.split())) for line in (jug.folder / "ran").read_text().splitlines()]
    assert sorted(i for i, _ in ran) == list(range(1000))
    # The file that the task writes to and the folder that it lists are its own.
    assert max(descriptors for _, descriptors in ran) - 2 <= 24
    for command in ("status --short", "pack --force", "check"):
        done = shell(jug, f"ulimit -n 32; $jug {command}")
        assert (done.returncode, done.stderr) == (0, ""), command


def began(jug: Jug) -> int:
    """How many workers have begun with a task."""
    return len(list(jug.folder.glob("began-*")))


@pytest.mark.parametrize("mode", ["posix", "link"])
def test_a_worker_that_may_have_few_descriptors_works_beside_many_others(jug: Jug, mode: str) -> None:
    """Of each of the others it reads a segment, and in link mode its heartbeat."""
    jug.write(
        """
        import os, time
        from pathlib import Path
        from jug import TaskGenerator

        @TaskGenerator
        def work(i):
            with open("ran", "a") as file:
                file.write(f"{i} {len(os.listdir('/proc/self/fd'))} {os.environ['WHO']}\\n")
            Path("began-" + os.environ["WHO"]).touch()
            time.sleep(0.05)
            while not Path("go").exists():
                time.sleep(0.05)
            return i

        @TaskGenerator
        def last(values):
            return sum(values)

        first = [work(i) for i in range(17)]
        second = [work(i) for i in range(17, 400)]
        results = [last(first), last(second)]
        """
    )
    command = [sys.executable, "-m", "jug", "execute", "--will-cite", "--short", f"--claims={mode}"]

    def start(who: str, few: bool) -> subprocess.Popen[str]:
        limit = ["sh", "-c", 'ulimit -n 32; exec "$@"', "sh"] if few else []
        return subprocess.Popen(
            [*limit, *command],
            cwd=jug.folder,
            env=jug.env({"WHO": who}),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    workers = [start(str(number), few=False) for number in range(16)]
    wait_for(lambda: began(jug) == 16, "the others to begin")
    workers.append(start("few", few=True))
    wait_for(lambda: began(jug) == 17, "the one with few descriptors to begin")
    (jug.folder / "go").touch()
    for worker in workers:
        _, err = worker.communicate(timeout=180)
        assert (worker.returncode, err) == (0, "")
    ran = [line.split() for line in (jug.folder / "ran").read_text().splitlines()]
    assert sorted(int(i) for i, *_ in ran) == list(range(400))
    # The file that the task writes to and the folder that it lists are its own.
    assert max(int(count) for _, count, who in ran if who == "few") - 2 <= 20
