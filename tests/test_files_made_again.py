"""jug.File: results whose files are changed again and again come to an end."""

import pytest

EXECUTE = [(), ("-n", "2"), ("-n", "2", "--backend", "threads"), ("-n", "2", "--backend", "processes")]

HEAD = """
    from jug import File, TaskGenerator, bvalue

    def noted(text):
        with open("ran", "a") as file:
            print(text, file=file)

    @TaskGenerator
    def one():
        noted("one")
        open("out", "w").write("1")
        return File("out")

    @TaskGenerator
    def other(_=None):
        noted("other")
        open("out", "w").write("2")
        return File("out")

"""


def ran(jug, name):
    return (jug.folder / "ran").read_text().split().count(name)


@pytest.mark.parametrize("options", EXECUTE, ids=lambda it: " ".join(it) or "plain")
def test_a_task_that_changes_the_file_of_another_task_fails_at_once(jug, options):
    jug.write(
        HEAD
        + """
    @TaskGenerator
    def tidy(file):
        noted("tidy")
        open(file, "a").write("more")

    tidy(one())
"""
    )
    done = jug("execute", "--will-cite", *options)
    assert done.returncode == 1
    assert "task jugfile.tidy(jugfile.one(...)) failed: the file " in done.stderr
    assert "out has changed since the task began" in done.stderr
    assert "will run again" not in done.stderr
    assert (ran(jug, "one"), ran(jug, "tidy")) == (1, 1)


BOTH = """
    @TaskGenerator
    def both(a, b):
        return open(a).read() + open(b).read()

    @TaskGenerator
    def after(_):
        return 1

    # Not at the same time.
    both(one(), other(after(one())))
"""


def test_two_workers_whose_tasks_write_over_each_other_come_to_an_end(jug):
    """Which one is a matter of chance; where both write at once, nobody can tell who wrote what is there."""
    jug.write(HEAD + BOTH)
    done = jug("execute", "--will-cite", "-n", "2")
    assert "Traceback" not in done.stderr
    noticed = (
        "write over each other's files, it seems",
        "something else changes what task",
        "has changed since the task began",
        "is being changed",
    )
    assert done.returncode == any(text in done.stderr for text in noticed)
    # Each worker counts for itself, of each task that needs the files and of each that writes them.
    assert max(ran(jug, "one"), ran(jug, "other")) <= 20


@pytest.mark.parametrize(
    "options", [it for it in EXECUTE if it != ("-n", "2")], ids=lambda it: " ".join(it) or "plain"
)
def test_a_task_whose_inputs_write_over_each_other_fails_after_a_few_rounds(jug, options):
    jug.write(HEAD + BOTH)
    done = jug("execute", "--will-cite", *options)
    assert done.returncode == 1
    assert (
        f"the file {jug.folder}/out has changed since the result was stored (3 times in this run): "
        in done.stderr
    )
    assert (
        "tasks jugfile.one and jugfile.other write over each other's files, it seems: let each write files "
        "of its own"
    ) in done.stderr
    assert max(ran(jug, "one"), ran(jug, "other")) <= 9


def test_an_input_that_something_else_changes_each_time_fails_its_task(jug):
    jug.write(
        HEAD
        + """
    from jug.hooks import register_hook

    @TaskGenerator
    def read(file):
        return open(file).read()

    def spoil(t):
        if t.name == "jugfile.one":
            open("out", "w").write("changed")

    register_hook("execute.task-executed1", spoil)
    read(one())
"""
    )
    done = jug("execute", "--will-cite")
    assert done.returncode == 1
    assert (
        f"the file {jug.folder}/out has changed since the result was stored (3 times in this run): "
        in done.stderr
    )
    assert "something else changes what task jugfile.one writes" in done.stderr
    assert ran(jug, "one") == 4


def test_a_jugfile_that_needs_results_which_write_over_each_other_ends_with_a_line(jug):
    jug.write(HEAD + "    bvalue(one())\n    bvalue(other())\n")
    done = jug("execute", "--will-cite")
    assert done.returncode == 1
    assert (
        f"jug: error: the result of task jugfile.one counts no more: the file {jug.folder}/out has changed "
        "since the result was stored (3 times in this run): something else writes there too; let each "
        "task write files of its own\n"
    ) in done.stderr
    assert ran(jug, "one") <= 5
