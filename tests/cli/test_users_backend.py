"""A backend that a user wrote in Python works with every command."""

import subprocess
import sys

import pytest

from tests.support.screens import screen

BACKEND = '''
    """Results as files of a directory, locks as files that only one process can create."""

    import os
    import pickle

    from jug.backends.base import base_lock, base_store


    class folder_lock(base_lock):
        def __init__(self, path):
            self.path = path

        def get(self):
            try:
                os.close(os.open(self.path, os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                return False
            return True

        def release(self):
            for path in (self.path, self.path + ".failed"):
                if os.path.exists(path):
                    os.unlink(path)

        def is_locked(self):
            return os.path.exists(self.path)

        def fail(self):
            if self.is_locked():
                open(self.path + ".failed", "w").close()
            return self.is_failed()

        def is_failed(self):
            return os.path.exists(self.path + ".failed")


    class folder_store(base_store):
        def __init__(self, path):
            super().__init__(path)
            self.path = path
            for name in ("results", "locks"):
                os.makedirs(os.path.join(path, name), exist_ok=True)

        def _file(self, kind, name):
            return os.path.join(self.path, kind, name if isinstance(name, str) else name.decode())

        def dump(self, object, name):
            path = self._file("results", name)
            with open(f"{path}.{os.getpid()}", "wb") as output:
                pickle.dump(object, output)
            os.rename(f"{path}.{os.getpid()}", path)

        def load(self, name):
            with open(self._file("results", name), "rb") as result:
                return pickle.load(result)

        def can_load(self, name):
            return os.path.exists(self._file("results", name))

        def list(self):
            return iter([name.encode() for name in os.listdir(os.path.join(self.path, "results"))])

        def listlocks(self):
            names = os.listdir(os.path.join(self.path, "locks"))
            return iter([name.encode() for name in names if not name.endswith(".failed")])

        def getlock(self, name):
            return folder_lock(self._file("locks", name))

        def remove(self, name):
            if not self.can_load(name):
                return False
            os.unlink(self._file("results", name))
            return True

        def cleanup(self, active, keeplocks=False):
            wanted = {t.hash() for t in active}
            unwanted = [name for name in self.list() if name not in wanted]
            for name in unwanted:
                self.remove(name)
            if not keeplocks:
                self.remove_locks()
            return len(unwanted)

        def remove_locks(self):
            names = list(self.listlocks())
            for name in names:
                self.getlock(name).release()
            return len(names)

        def close(self):
            pass
'''

JUGFILE = """
    import os
    import jug
    import mine
    from jug import TaskGenerator

    jug.set_jugdir(mine.folder_store(os.path.abspath("kept")))

    @TaskGenerator
    def item(i):
        with open("runs.txt", "a") as output:
            output.write(f"{i}\\n")
        return i

    @TaskGenerator
    def frail(i):
        if not os.path.exists("repaired"):
            raise ValueError("not repaired yet")
        return i

    @TaskGenerator
    def add(xs):
        return sum(xs)

    total = add([item(i) for i in range(6)])
    again = add([frail(1), total])
"""


@pytest.fixture
def mine(jug):
    """`jug` beside a jugfile whose results are in a store of the user's own."""
    jug.write(BACKEND, "mine.py")
    jug.write(JUGFILE)
    return jug


@pytest.fixture
def finished(mine):
    """The same with all tasks run."""
    mine.write("", "repaired")
    assert mine("execute").returncode == 0
    return mine


def short(jug):
    """What `jug status --short` says."""
    return jug("status", "--short").stdout.strip()


def test_execute_runs_everything_once_and_another_call_nothing(finished):
    assert short(finished) == "All tasks complete (9 tasks)."
    assert finished("check").returncode == 0
    assert "0           9  Total" in finished("execute", "--will-cite").stdout
    assert sorted((finished.folder / "runs.txt").read_text().split()) == list("012345")


def test_two_workers_share_the_tasks(mine):
    mine.write("", "repaired")
    workers = [mine.start("execute", "--will-cite") for _ in range(2)]
    assert [(worker.communicate(), worker.returncode)[1] for worker in workers] == [0, 0]
    assert sorted((mine.folder / "runs.txt").read_text().split()) == list("012345")


def test_values_are_loaded(finished):
    done = finished.python(
        """
        import jug
        store, space = jug.init("jugfile.py")
        print(type(store).__name__, jug.value(space["again"]), jug.task.describe(space["total"])["name"])
        """
    )
    assert done.stdout == "folder_store 16 jugfile.add\n", done.stderr


def test_status_and_count_show_every_state(mine):
    assert mine("execute", "--keep-going", "--keep-failed").returncode == 1
    assert screen(mine("status").stdout).splitlines()[2:6] == [
        "           0           1           0           1           0  jugfile.add",
        "           1           0           0           0           0  jugfile.frail",
        "           0           0           0           6           0  jugfile.item",
        "." * 80,
    ]
    assert mine("check").returncode == 1
    assert mine("count", "--short").stdout.startswith("Count:  9 tasks")


def test_a_failed_task_is_ready_again_unless_its_mark_is_kept(mine):
    done = mine("execute", "--keep-going")
    assert done.returncode == 1
    assert "ValueError: not repaired yet" in done.stderr
    assert short(mine) == "2 tasks waiting to be run, 0 failed, 7 complete, (none active)."
    mine("execute", "--keep-going", "--keep-failed")
    assert short(mine) == "1 tasks waiting to be run, 1 failed, 7 complete, (none active)."
    assert mine("status").stderr == "jug: 1 task failed\n"
    mine.write("", "repaired")
    assert mine("cleanup", "--failed-only").stdout == "Removed 1 failure locks\n"
    assert mine("execute").returncode == 0
    assert short(mine) == "All tasks complete (9 tasks)."


def test_what_is_marked_is_listed_with_what_is_known_and_may_be_tried_again(mine):
    mine("execute", "--keep-going", "--keep-failed", "--will-cite")
    _, _, row = mine("failures").stdout.splitlines()
    id, *known = row.split(maxsplit=6)
    assert known == ["1", "-", "-", "-", "-", "jugfile.frail(1): marked as failed"]
    assert (
        f"ID:         {id}\nTask:       jugfile.frail\nArguments:  1\n"
        in mine("failures", "--show", id).stdout
    )
    (mine.folder / "repaired").touch()
    assert mine("retry", id).stdout == "Cleared 1 failure\n"
    assert mine("failures").stdout == "No failures.\n"
    assert mine("execute").returncode == 0


def test_what_is_marked_may_be_debugged_and_stored(mine):
    mine("execute", "--keep-going", "--keep-failed", "--will-cite")
    assert short(mine) == "1 tasks waiting to be run, 1 failed, 7 complete, (none active)."
    (mine.folder / "repaired").touch()
    done = subprocess.run(
        [sys.executable, "-m", "jug", "debug", "frail", "--save"],
        cwd=mine.folder,
        env=mine.env({"IPYTHONDIR": str(mine.folder), "TERM": "dumb"}),
        input="c\n",
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "jug: task jugfile.frail returned 1; it is stored\n")
    assert short(mine) == "1 tasks waiting to be run, 0 failed, 8 complete, (none active)."
    assert not [*(mine.folder / "kept/locks").iterdir()]


def test_a_running_task_is_active(mine):
    done = mine.python(
        """
        import jug, subprocess, sys
        _, space = jug.init("jugfile.py")
        space["total"].dependencies().__next__().lock()
        subprocess.run([sys.executable, "-m", "jug", "status", "--short"])
        """
    )
    assert done.stdout.endswith("(1 active).\n"), done.stderr


def test_invalidate_removes_a_result_and_what_depends_on_it(finished):
    done = finished("invalidate", "--name", "item")
    assert "           6  jugfile.item" in done.stdout
    assert short(finished) == "8 tasks waiting to be run, 0 failed, 1 complete, (none active)."


@pytest.mark.parametrize(
    ("options", "printed", "results", "locks"),
    [
        ([], "Removed 1 objects\nRemoved 1 locks\n", 9, 0),
        (["--keep-locks"], "Removed 1 objects\n", 9, 1),
        (["--locks-only"], "Removed 1 locks\n", 10, 0),
        (["--failed-only"], "Removed 0 failure locks\n", 10, 1),
    ],
)
def test_cleanup_in_all_its_forms(finished, options, printed, results, locks):
    finished.write("", "kept/locks/" + "ab" * 32)
    finished.write("", "kept/results/" + "cd" * 32)
    assert finished("cleanup", *options).stdout == printed
    left = [len(list((finished.folder / "kept" / kind).iterdir())) for kind in ("results", "locks")]
    assert left == [results, locks]


def test_a_lock_of_a_script_under_any_name_disturbs_nothing(finished):
    finished.write("", "kept/locks/my own lock")
    assert short(finished) == "All tasks complete (9 tasks)."
    assert finished("execute").returncode == 0


def test_the_status_of_such_a_store_is_shown_and_not_kept_in_a_cache(finished):
    done = finished("status", "--cache", "--short")
    assert done.stdout == "All tasks complete (9 tasks).\n"
    assert "not kept in a cache" in done.stderr


WRONG = [
    ("folder_store", "the class folder_store was given as a store; an object of it is needed"),
    (
        "object()",
        "an object of the class object cannot be a store: it has no method can_load, cleanup, close, ",
    ),
    (
        "type('half', (), {'dump': 1})()",
        "an object of the class half cannot be a store: it has no method can_load, ",
    ),
    ("7", "an object of the class int cannot be a store"),
]


@pytest.mark.parametrize(("store", "message"), WRONG)
def test_what_cannot_be_a_store_is_refused_in_one_line(mine, store, message):
    mine.write(f"import jug\nfrom mine import *\njug.set_jugdir({store})\n")
    for command in ("status", "execute", "check"):
        done = mine(command)
        assert (done.returncode, done.stdout) == (1, "")
        assert message in done.stderr
        assert "Traceback" not in done.stderr
        assert done.stderr.count("\n") == 1
    done = mine.python(f"import jug\nfrom mine import *\njug.init('jugfile.py', store={store})")
    assert message in done.stderr


def change(mine, *pairs):
    """Replaces texts in the user's backend."""
    text = (mine.folder / "mine.py").read_text()
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    mine.write(text, "mine.py")


def test_a_lock_without_a_method_is_named(mine):
    change(mine, ("def is_failed(", "def was_failed("), ("(base_lock)", ""))
    done = mine("execute")
    assert done.returncode == 1
    assert "getlock() of the store folder_store returned an object of the class folder_lock" in done.stderr
    assert "no method is_failed" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_error_of_the_backend_shows_the_users_own_lines(mine):
    change(mine, ('return os.path.exists(self._file("results", name))', "return 1 / 0"))
    done = mine("execute")
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr
    assert "mine.py" in done.stderr


@pytest.mark.parametrize("jugdir", ["s3://bucket/key", "http://host", "dict_store:", "file_keepalive:"])
def test_a_jugdir_of_no_known_kind_is_refused_in_one_line(pipeline, jugdir):
    done = pipeline("execute", "--jugdir", jugdir)
    assert (done.returncode, done.stdout) == (1, "")
    assert repr(jugdir) in done.stderr
    assert done.stderr.count("\n") == 1
    assert [path.name for path in pipeline.folder.iterdir()] == ["jugfile.py"]


@pytest.mark.parametrize("method", ["get", "release"])
def test_a_lock_that_raises_once_costs_nothing(jug, method):
    """A server that hiccups: the task runs in the same run, and its lock does not stay."""
    jug.write(
        BACKEND
        + """
    original = folder_lock.METHOD
    raised = []

    def hiccup(lock):
        if not raised:
            raised.append(lock)
            raise OSError("the server hiccups")
        return original(lock)

    folder_lock.METHOD = hiccup
""".replace("METHOD", method),
        "mine.py",
    )
    jug.write("""
        import os
        import jug
        import mine

        jug.set_jugdir(mine.folder_store(os.path.abspath("kept")))

        @jug.TaskGenerator
        def double(i):
            return 2 * i

        results = [double(i) for i in range(5)]
    """)
    done = jug("execute", "--will-cite", "--short")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Executed:  5 tasks")
    assert "raised OSError: the server hiccups; it is tried again" in done.stderr
    assert not list((jug.folder / "kept" / "locks").iterdir())


def test_a_lock_that_raises_again_and_again_ends_the_run(jug):
    jug.write(
        BACKEND
        + """
    def broken(lock):
        raise OSError("no such server")

    folder_lock.get = broken
""",
        "mine.py",
    )
    jug.write("""
        import os
        import jug
        import mine

        jug.set_jugdir(mine.folder_store(os.path.abspath("kept")))
        jug.Task(abs, -1)
    """)
    done = jug("execute", "--will-cite")
    assert done.returncode == 1
    assert "no such server" in done.stderr
