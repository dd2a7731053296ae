"""jug shell: looking at results in IPython."""

import sys

import pytest


def test_without_ipython_one_line_says_what_to_install(pipeline):
    pipeline.write("raise ImportError\n", "IPython.py")
    done = pipeline("shell", env={"PYTHONPATH": str(pipeline.folder)})
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "jug: error: jug shell needs IPython: pip install ipython\n"


class Session:
    """Runs lines in `jug shell` beside a finished pipeline."""

    def __init__(self, jug):
        self.jug = jug

    def __call__(self, *lines):
        """What was printed before the first prompt, and by each line."""
        pexpect = pytest.importorskip("pexpect")
        env = self.jug.env({"TERM": "dumb", "IPYTHONDIR": str(self.jug.folder / "ipython"), "NO_COLOR": "1"})
        command = ["-m", "jug", "shell"]
        shell = pexpect.spawn(
            sys.executable, command, cwd=str(self.jug.folder), env=env, encoding="utf-8", timeout=60
        )
        shell.expect(r"In \[1\]: ")
        printed = [shell.before]
        for number, line in enumerate(lines, start=2):
            shell.sendline(line)
            shell.expect(rf"In \[{number}\]: ")
            printed.append(shell.before)
        shell.sendline("exit")
        shell.expect(pexpect.EOF)
        shell.close()
        assert shell.exitstatus == 0
        return printed


@pytest.fixture
def session(pipeline):
    """A pipeline that was executed, and a way to run lines in its shell."""
    pytest.importorskip("IPython")
    pipeline("execute")
    return Session(pipeline)


def test_the_jugfiles_names_and_values_are_there(session):
    banner, shown = session("print('total is', value(total), 'and', value([twice, 1]))")
    assert "load_all()" in banner
    assert "total is 20 and [40, 1]" in shown


def test_load_all_replaces_tasks_by_results(session):
    _, loaded, shown = session("load_all()", "print('now', total + twice)")
    assert "no result" not in loaded
    assert "now 60" in shown


def test_load_all_says_what_has_no_result(session):
    session.jug("invalidate", "--name", "add")
    _, loaded, shown = session("load_all()", "print('still a', type(total).__name__)")
    assert "total has no result yet" in loaded
    assert "twice has no result yet" in loaded
    assert "still a Task" in shown


def test_invalidate_takes_all_that_depends_along(session):
    *_, shown = session("invalidate(total)", "print('left:', total.can_load(), twice.can_load())")
    assert "left: False False" in shown
    assert session.jug("status", "--short").stdout.startswith(
        "2 tasks waiting to be run, 0 failed, 5 complete"
    )


def test_tasks_are_listed_and_filtered(session):
    session.jug("invalidate", "--name", "add")
    _, *shown = session(
        "print('all', len(get_tasks()), len(get_tasks(copy=False)))",
        "print('loadable', len(get_filtered_tasks(loadable=True)))",
        "print('available', len(get_filtered_tasks(available=True)))",
        "print('failed', len(get_filtered_tasks(failed=True)))",
        "print('nothing', len(get_filtered_tasks()))",
    )
    expected = ("all 7 7", "loadable 5", "available 1", "failed 0", "nothing 0")
    for line, text in zip(shown, expected, strict=True):
        assert text in line
