"""jug.File: which files a task uses, and that each of them is looked at."""

import pytest

HEAD = """
    import threading
    import numpy as np
    from jug import File, TaskGenerator

    class Thing:
        def __init__(self, file):
            self.file = file

    class Keeper:
        def __init__(self, file):
            self.files = {"a": [file]}

        def __getstate__(self):
            return self.files

        def __setstate__(self, state):
            self.files = state

    def file_in(x):
        if isinstance(x, File):
            return x
        if isinstance(x, Keeper):
            return x.files["a"][0]
        x = [x.file] if isinstance(x, Thing) else x.tolist() if isinstance(x, np.ndarray) else x
        return file_in(next(iter(x)))

    def contents(path):
        with open(path) as file:
            return file.read()

    @TaskGenerator
    def read(x, how):
        file = file_in(x)
        if how == "path":
            return contents(file.path)
        if how == "name":
            return contents(repr(file).split("'")[1])
        found = []
        thread = threading.Thread(target=lambda: found.append(contents(file)))
        thread.start()
        thread.join()
        return found[0]

"""

PLACES = [
    *("Thing(f)", "[Thing(f)]", "{f}", "{f: 1}", "np.array([f, None], dtype=object)", "frozenset([f])"),
    *("(f, 1)", "[Thing(f), bytes(100_000), list(range(50_000))]", "Keeper(f)"),
]

EXECUTE = [(), ("-n", "2", "--backend", "threads"), ("-n", "2", "--backend", "processes"), ("--debug",)]


@pytest.mark.parametrize("options", EXECUTE, ids=lambda it: " ".join(it) or "plain")
@pytest.mark.parametrize("how", ["path", "name", "thread"])
def test_a_file_is_looked_at_wherever_it_stands_in_arguments_and_however_it_is_read(jug, how, options):
    (jug.folder / "data").write_text("content")
    jug.write(
        HEAD
        + f"    f = File('data')\n    for x in ({', '.join(PLACES)}):\n        read(x, {how!r})\n"
        + "    open('data', 'w').write('other')\n"
    )
    done = jug("execute", "--will-cite", "--keep-going", "--short", *options)
    assert done.returncode == 1
    assert f"the file {jug.folder}/data has changed since the jugfile was loaded" in done.stderr
    assert f"{len(PLACES)} tasks failed" in done.stderr
    assert "Executed:  0 tasks" in done.stdout


def test_a_task_that_asks_for_the_path_of_a_file_uses_it(jug):
    jug.write(
        """
    from jug import File, TaskGenerator

    files = []

    @TaskGenerator
    def read(n):
        return open(files[0].path).read()

    read(1)
    open("data", "w").write("content")
    files.append(File("data"))
    open("data", "w").write("other")
"""
    )
    done = jug("execute", "--will-cite")
    assert done.returncode == 1
    assert f"the file {jug.folder}/data has changed since the jugfile was loaded" in done.stderr


@pytest.mark.parametrize("options", EXECUTE, ids=lambda it: " ".join(it) or "plain")
@pytest.mark.parametrize("place", ["Thing(f)", "(f, 1)", "[f]"])
def test_a_file_in_a_result_that_only_a_thread_of_the_task_reads_is_looked_at_after_it(jug, place, options):
    jug.write(
        HEAD
        + f"""
    @TaskGenerator
    def write():
        open("data", "w").write("content")
        f = File("data")
        return {place}

    @TaskGenerator
    def spoil(x):
        thread = threading.Thread(target=lambda: open(file_in(x), "a").write("more"))
        thread.start()
        thread.join()

    spoil(write())
"""
    )
    done = jug("execute", "--will-cite", "--short", *options)
    assert done.returncode == 1
    assert f"the file {jug.folder}/data has changed since the task began" in done.stderr
    assert "task jugfile.spoil(" in done.stderr


@pytest.mark.parametrize("place", ["f", "(f, 1)", "[f]"])
def test_a_result_in_memory_whose_file_was_changed_is_made_again_for_a_thread_that_reads_it(jug, place):
    jug.write(
        HEAD
        + f"""
    import os

    @TaskGenerator
    def write():
        open("data", "w").write("content")
        f = File("data")
        return {place}

    @TaskGenerator
    def flag(_):
        return 1

    @TaskGenerator
    def spoil(_):
        open(os.path.abspath("data"), "w").write("other")
        return "name"

    out = write()
    read(out, spoil(flag(out)))
"""
    )
    done = jug("execute", "--will-cite")
    assert done.returncode == 0, done.stderr
    assert f"the file {jug.folder}/data has changed since the result was stored" in done.stderr
    assert "task jugfile.read will run again" in done.stderr


IMPORTED = """
    import jug

    @jug.TaskGenerator
    def plain(n):
        return n

    @jug.TaskGenerator
    def spoil(n):
        jug.File("data")
        with open("data", "a") as file:
            file.write("more")
        return n

    @jug.TaskGenerator
    def use():
        return jug.File("data").digest

    for n in range(3):
        plain(n)
    LAST
"""


@pytest.mark.parametrize(
    "options", [*EXECUTE, ("-n", "2"), ("--timeout", "100")], ids=lambda it: " ".join(it) or "plain"
)
def test_the_first_task_that_uses_files_is_looked_at_too(jug, options):
    (jug.folder / "data").write_text("content")
    jug.write(IMPORTED.replace("LAST", "spoil(1)"))
    done = jug("execute", "--will-cite", *options)
    assert done.returncode == 1
    assert "task jugfile.spoil(1) failed" in done.stderr
    assert f"the file {jug.folder}/data has changed since the task began" in done.stderr
    assert jug("check").returncode == 1


def test_the_first_task_that_uses_files_and_leaves_them_is_stored_once(jug):
    (jug.folder / "data").write_text("content")
    jug.write(IMPORTED.replace("LAST", "use(); plain(3)"))
    done = jug("execute", "--will-cite", "--short")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Executed:  5 tasks" in done.stdout
    assert jug("check").returncode == 0
