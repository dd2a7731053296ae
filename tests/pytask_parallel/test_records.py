"""What pytask records of tasks that end together, where that is slow, interrupted, raises or is killed."""

import sqlite3

import pytest

from jug.pytask_parallel import records

RUN = ("-n", "6", "--parallel-backend", "jug")

#: How many tasks there are.
MANY = 24

TASKS = """
    for i in range(24):
        @task(id=str(i))
        def task_writes(i=i, path: Annotated[Path, Product] = Path(f"{i}.out")):
            path.write_text(str(i))
"""

#: `batch` has what came back together first, which is all that was given to workers by then; `at(report, n)`
#: says whether the report is that of its nth task.
HOOKS = """
    import atexit, os, signal, time
    from pathlib import Path
    from _pytask import database_utils
    from _pytask.database_utils import DatabaseSession
    from jug.pytask_parallel.places import Places
    from pytask import hookimpl

    batch, came, given, reported, made_before = [], [], [], [], DatabaseSession.class_
    wait = Places.wait

    def wait_and_keep(self, seconds):
        ended = list(wait(self, seconds))
        while ended and not batch and len(ended) < len(given):
            ended += wait(self, 0.05)
        came.extend(it.token for it in ended)
        if not batch:
            batch.extend(it.token for it in ended)
        return ended

    Places.wait = wait_and_keep

    def at(report, number):
        return bool(batch) and report.task.signature == batch[number]

    @hookimpl(tryfirst=True)
    def pytask_execute_task(task):
        given.append(task.signature)

    @hookimpl(tryfirst=True)
    def pytask_execute_task_process_report(session, report):
        reported.append(report.task.signature)
        middle(report)

    @atexit.register
    def look_at_the_end():
        assert DatabaseSession.class_ is made_before
        assert DatabaseSession.kw["bind"] is database_utils._ENGINE
        say()

    def say():
        Path("said.txt").write_text(" ".join([str(len(came)), str(len(reported)), *batch]))

    def middle(report):
"""


@pytest.fixture
def run(project):
    """Runs the tasks with what happens in the middle of a batch; returns what the hooks say."""

    def run(middle: str, tasks: str = TASKS):
        project.tasks(tasks)
        project.write("hooks.py", HOOKS + middle)
        done = project.run(*RUN, "--hook-module", "hooks.py")
        nr_came, nr_reported, *batch = project.folder.joinpath("said.txt").read_text().split()
        assert len(batch) >= 4, done.out
        return done, int(nr_came), int(nr_reported), batch

    return run


def recorded(project) -> set[str]:
    """The tasks that the database has with value and file, and that a new run leaves out by that alone."""
    for path in project.folder.glob("pytask.lock*"):
        path.unlink()
    connection = sqlite3.connect(project.folder / ".pytask" / "pytask.sqlite3")
    found = {
        task for (task,) in connection.execute("select task from state group by task having count(*) = 3")
    }
    connection.close()
    done = project.run(*RUN)
    assert (done.status, set(done.outcomes.values()) <= {".", "s"}) == (0, True), done.out
    assert list(done.outcomes.values()).count(".") == MANY - len(found), done.out
    return found


def test_others_can_write_between_slow_hooks_and_while_values_are_hashed(project, version, run):
    tries = """
    import sqlite3
    def another_writes(where):
        connection = sqlite3.connect(".pytask/pytask.sqlite3", timeout=0)
        try:
            connection.execute("begin immediate")
            found = "free"
        except sqlite3.OperationalError as error:
            found = str(error)
        finally:
            connection.close()
        with open("found.txt", "a") as file:
            file.write(f"{where}: {found}\\n")
    """
    tasks = f"""{tries}
    def hashed(value):
        another_writes("hash")
        return str(value)

    for i in range(24):
        @task(id=str(i))
        def task_returns(i=i) -> Annotated[Any, pytask.PythonNode(name=str(i), hash=hashed)]:
            Path(f"{{i}}.out").touch()
            return i
    """
    done, *_ = run(f"        another_writes('hook')\n{tries}", tasks)
    assert done.status == 0, done.out
    lines = project.folder.joinpath("found.txt").read_text().splitlines()
    assert {"hook: free", "hash: free"} == set(lines), lines
    assert min(lines.count("hook: free"), lines.count("hash: free")) >= MANY


def test_an_interrupt_in_the_middle_keeps_what_has_ended_but_for_one_as_in_sequence(project, version, run):
    done, nr_came, _, batch = run("        if at(report, 1): os.kill(os.getpid(), signal.SIGINT)\n")
    assert done.status == 1, done.out
    found = recorded(project)
    assert len(found) == nr_came - 1
    assert set(batch) - found == {batch[1]}


def test_an_exception_of_a_plug_in_keeps_what_came_before_and_the_session_as_it_was(project, version, run):
    done, _, nr_reported, batch = run("        if at(report, 2): raise ValueError('of a plug-in')\n")
    assert (done.status, "of a plug-in" in done.out) == (1, True), done.out
    found = recorded(project)
    assert len(found) == nr_reported - 1
    assert set(batch) & found == set(batch[:2])


def test_sigkill_in_the_middle_loses_nothing_that_was_recorded_before_a_slow_one(project, version, run):
    done, *_, batch = run(
        """
        if at(report, 1):
            time.sleep(0.15)
        if at(report, 3):
            say()
            os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    assert done.status == -9, done.out
    found = recorded(project)
    assert (batch[0] in found, batch[3] in found) == (True, False)


class _Interrupts:
    """Handles items, and raises interrupts in some calls."""

    def __init__(self, *calls: int) -> None:
        self._calls = calls
        self.began: list[int] = []

    def __call__(self, item: int) -> None:
        self.began.append(item)
        if len(self.began) in self._calls:
            raise KeyboardInterrupt(item)


def test_a_second_interrupt_ends_at_once():
    handle = _Interrupts(2, 4)
    with pytest.raises(KeyboardInterrupt, match="3"):
        records.each_in_spite_of_interrupts(range(9), handle)
    assert handle.began == [0, 1, 2, 3]


def test_after_an_interrupt_it_goes_on_only_while_there_is_time(monkeypatch):
    monkeypatch.setattr(records, "_AFTER_INTERRUPT", 0)
    handle = _Interrupts(2)
    with pytest.raises(KeyboardInterrupt, match="1"):
        records.each_in_spite_of_interrupts(range(9), handle)
    assert handle.began == [0, 1]


def test_what_is_written_is_written_again_after_an_interrupt():
    handle = _Interrupts(1)
    with pytest.raises(KeyboardInterrupt):
        records.each_in_spite_of_interrupts([0], handle, again=True)
    assert handle.began == [0, 0]
