"""What was made of files that are others now, wherever it stands: behind a barrier, or in a compound task."""

import subprocess
import sys

import pytest

HEAD = """
    import os
    import random
    import time
    import jug
    from jug import File, TaskGenerator, barrier, bvalue, value
    from jug.compound import CompoundTaskGenerator

    CONTENT = os.environ["CONTENT"]

    @TaskGenerator
    def write(i=0):
        if os.environ.get("FAILS"):
            raise ValueError(i)
        with open(f"out{i}", "w") as out:
            out.write(CONTENT)
        return File(f"out{i}")

    @TaskGenerator
    def read(file):
        with open(file) as lines:
            return lines.read()

    @TaskGenerator
    def again(text):
        return "again " + text
"""

BEHIND = {
    "bvalue": "w = write()\n    bvalue(w)\n    r = read(w)",
    "barrier": "w = write()\n    barrier()\n    r = read(w)",
    "two barriers": "w = write()\n    barrier()\n    s = again(read(w))\n    bvalue(s)\n    r = again(s)",
    "compound": (
        "@CompoundTaskGenerator\n    def whole(file):\n        return read(file)\n    "
        "w = write()\n    r = whole(w)\n    bvalue(r)"
    ),
}


def run(jug, *args, content, code=0, **env):
    done = jug("execute", "--will-cite", *args, env={"CONTENT": content, **env})
    assert done.returncode == code, done.stderr
    return done


def result(jug, content, expression="r"):
    """What is stored, as a script sees it."""
    show = jug.python(
        f"""
        import os
        os.environ["CONTENT"] = "{content}"
        import jug
        _, space = jug.init("jugfile.py", "jugfile.jugdata")
        print(jug.value(space["{expression}"]))
        """
    )
    assert show.returncode == 0, show.stderr
    return show.stdout.strip()


@pytest.mark.parametrize("how", BEHIND)
@pytest.mark.parametrize("workers", [(), ("-n", "2"), ("--backend", "threads")], ids=" ".join)
def test_what_was_made_of_other_files_is_made_again_wherever_it_stands(jug, how, workers):
    jug.write(HEAD + f"    {BEHIND[how]}\n")
    run(jug, *workers, content="1")
    first = result(jug, "1")
    (jug.folder / "out0").unlink()
    run(jug, *workers, content="2")
    assert result(jug, "2") == first.replace("1", "2")
    again = run(jug, content="2")
    assert "others now" not in again.stderr
    assert jug("check", env={"CONTENT": "2"}).returncode == 0


@pytest.mark.parametrize("how", ["bvalue", "barrier", "two barriers"])
def test_it_is_made_again_where_the_file_came_in_a_run_that_did_not_get_there(jug, how):
    """The run that finds the file gone makes it not; a later one does."""
    jug.write(HEAD + f"    {BEHIND[how]}\n")
    run(jug, content="1")
    (jug.folder / "out0").unlink()
    run(jug, content="2", code=1, FAILS="1")
    run(jug, content="2")
    assert result(jug, "2").endswith("2")


def test_until_then_commands_say_that_it_is_not_done(jug):
    """Another jugfile of the jugdir has the file made again, and knows of nothing that was made of it."""
    jug.write(HEAD, "steps.py")
    jug.write("from steps import write\n\nw = write()\n", "first.py")
    jug.write("from steps import again, read, write\n\nw = write()\nr = read(w)\ns = again(r)\n")
    run(jug, content="1")
    (jug.folder / "out0").unlink()
    run(jug, "first.py", "--jugdir", "jugfile.jugdata", content="2")
    env = {"CONTENT": "2"}
    assert jug("check", env=env).returncode == 1
    assert "1 complete" in jug("status", "--short", env=env).stdout
    explained = jug("explain", "--short", "steps.read", env=env).stdout
    assert "others now" in explained or "is ready" in explained
    run(jug, content="2")
    assert result(jug, "2", "s") == "again 2"
    assert jug("check", env=env).returncode == 0


def test_scripts_that_run_stage_after_stage_make_it_again_too(jug):
    jug.write(HEAD, "steps.py")
    script = """
        import jug, os
        jug.set_jugdir("script.jugdata")
        from steps import read, write
        w = write()
        jug.execute()
        jug.value(w)
        r = read(w)
        jug.execute()
        print(jug.value(r))
    """
    jug.write(script, "script.py")
    for content in "12":
        done = subprocess.run(
            [sys.executable, "script.py"],
            cwd=jug.folder,
            env={**jug.env(None), "CONTENT": content},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.stdout.split()[-1:] == [content], done.stderr
        (jug.folder / "out0").unlink()


OTHER_VALUES = {
    "files that change places": (
        """
    @TaskGenerator
    def make():
        for name, content in zip("ab", CONTENT):
            with open(name, "w") as out:
                out.write(content)
        return [File("a"), File("b")]

    @TaskGenerator
    def use(files):
        return "".join(open(it).read() for it in files)
""",
        ("12", "21"),
    ),
    "what is beside a file": (
        """
    @TaskGenerator
    def make():
        with open("a", "w") as out:
            out.write("same")
        return File("a"), CONTENT

    @TaskGenerator
    def use(made):
        return made[1]
""",
        ("1", "2"),
    ),
    "what no argument may be": (
        """
    class Holder:
        def __init__(self, file, content):
            self.held = {file: content}

        def __reduce__(self):
            return Holder, (*self.held, *self.held.values())

    @TaskGenerator
    def make():
        with open("a", "w") as out:
            out.write("same")
        return Holder(File("a"), CONTENT)

    @TaskGenerator
    def use(made):
        (value,) = made.held.values()
        return value
""",
        ("1", "2"),
    ),
}


@pytest.mark.parametrize("what", OTHER_VALUES)
def test_the_whole_result_is_compared_and_not_only_what_is_in_its_files(jug, what):
    functions, (first, second) = OTHER_VALUES[what]
    jug.write(HEAD + functions + "\n    r = use(make())\n")
    run(jug, content=first)
    assert result(jug, first) == first
    (jug.folder / "a").unlink()
    run(jug, content=second)
    assert result(jug, second) == second


def test_the_same_result_replaces_nothing_whenever_it_is_made_again(jug):
    jug.write(HEAD + "    w = write()\n    bvalue(w)\n    r = read(w)\n")
    run(jug, content="1")
    for content, executed in (("2", 2), ("2", 1), ("2", 1)):
        (jug.folder / "out0").unlink()
        done = run(jug, "--short", content=content)
        assert f"Executed:  {executed} tasks" in done.stdout


def test_what_was_made_again_is_left_alone_though_the_clock_of_its_host_is_behind(jug):
    """It is removed once, and noted then."""
    jug.write(HEAD + "    w = write()\n    bvalue(w)\n    r = read(w)\n")
    run(jug, content="1")
    (jug.folder / "out0").unlink()
    run(jug, content="2")
    jug.python(
        """
        import time
        from jug.backends.file_store import file_store
        from jug.engine.result_files import ResultFiles
        from jug.engine.session.open import open_session
        import jug.files
        session = open_session(file_store("jugfile.jugdata"))
        files = ResultFiles.of(session)
        (key,) = files._replaced
        files._note(b"replaced\\0", key, (time.time_ns() + 10**13) // 1000)
        session.close()
        """
    )
    assert "Executed:  1 tasks" in run(jug, "--short", content="2").stdout
    assert "Executed:  0 tasks" in run(jug, "--short", content="2").stdout


def test_files_are_followed_although_only_a_task_says_that_there_are_any(jug):
    """The jugfile imports no File: jug.files is imported when the first task makes one."""
    jug.write(
        """
        import jug, os

        @jug.TaskGenerator
        def write():
            with open("out0", "w") as out:
                out.write(os.environ["CONTENT"])
            return jug.File("out0")

        @jug.TaskGenerator
        def read(file):
            with open(file) as lines:
                return lines.read()

        r = read(write())
        """
    )
    run(jug, content="1")
    (jug.folder / "out0").unlink()
    assert "1 complete" in jug("status", "--short", env={"CONTENT": "2"}).stdout
    run(jug, content="2")
    assert result(jug, "2") == "2"


@pytest.mark.parametrize("workers", [(), ("--backend", "threads")], ids=" ".join)
def test_what_a_task_itself_asked_for_in_vain_is_made_again(jug, workers):
    jug.write(
        HEAD
        + """
    @TaskGenerator
    def ask(file):
        os.remove("out0")
        try:
            return value(w)
        except RuntimeError:
            return None

    @TaskGenerator
    def flag(file):
        return 1

    w = write()
    a = ask(flag(w))
"""
    )
    run(jug, *workers, content="1")
    assert jug("check", env={"CONTENT": "1"}).returncode == 0


def test_what_was_made_of_many_files_is_removed_once_and_not_for_each_of_them(jug):
    jug.write(
        HEAD
        + """
    import jug.engine.worker.made_again as made_again
    remove_results = made_again.remove_results

    def counted(store, keys):
        with open("asked", "a") as asked:
            print(len(keys), file=asked)
        return remove_results(store, keys)

    made_again.remove_results = counted

    @TaskGenerator
    def gather(files):
        return "".join(open(file).read() for file in files)

    @TaskGenerator
    def follow(i, text):
        return i, text

    r = gather([write(i) for i in range(30)])
    followers = [follow(i, r) for i in range(50)]
"""
    )
    run(jug, content="1")
    for i in range(30):
        (jug.folder / f"out{i}").unlink()
    run(jug, content="2")
    assert result(jug, "2") == 30 * "2"
    asked = (jug.folder / "asked").read_text().split()
    assert sum(map(int, asked)) < 150
