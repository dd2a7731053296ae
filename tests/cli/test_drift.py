"""jug execute where tasks are others in each load of the jugfile."""

import pytest

HEAD = """
    import os, random, time, uuid
    from pathlib import Path
    from jug import TaskGenerator, barrier, bvalue, value

    with open("loads", "a") as file:
        print("load", file=file)

    @TaskGenerator
    def f(x, y=0):
        with open("runs", "a") as file:
            print(x, y, file=file)
        return x

    @TaskGenerator
    def g(x):
        return x

"""


def lines(jug, name):
    return (jug.folder / name).read_text().splitlines()


@pytest.mark.parametrize(
    ("call", "argument"),
    [
        ("f(uuid.uuid4())", "argument 1"),
        ("f([1, {'at': time.time()}])", 'argument 1 [1]["at"]'),
        ("f(1, y=random.random())", "argument y="),
        ("f(1, os.urandom(8))", "argument 2"),
        ("g([f(n, random.random()) for n in range(5)])", "argument 2"),
    ],
)
def test_a_barrier_that_can_never_be_met_ends_the_command_after_three_loads(jug, call, argument):
    jug.write(HEAD + f"    a = {call}\n    barrier()\n    f(2)\n")
    done = jug("execute")
    assert done.returncode == 1
    (line,) = [line for line in done.stderr.splitlines() if "never gets past its barrier" in line]
    assert line.startswith(
        f"jug: error: the jugfile never gets past its barrier: {argument} of task jugfile.f is"
    )
    assert "pass what is the same each time" in line
    assert len(lines(jug, "loads")) == 3
    assert len(lines(jug, "runs")) == (5 if "range" in call else 1)


def test_what_changes_is_named_with_what_it_was(jug):
    jug.write(HEAD + "    a = f(len(open('loads').readlines()))\n    barrier()\n")
    assert "argument 1 of task jugfile.f is another one each time the jugfile is loaded (2, then 3)" in (
        jug("execute").stderr
    )


def test_what_no_barrier_waits_for_is_said_once_and_the_rest_goes_on(jug):
    jug.write(
        HEAD
        + """
    n = 0
    for _ in range(4):
        f(n, uuid.uuid4())
        n = bvalue(g(n + 1))
    """
    )
    done = jug("execute")
    assert done.returncode == 0
    said = [line for line in done.stderr.splitlines() if "warning" in line]
    assert len(said) == 1
    assert "argument 2 of task jugfile.f" in said[0]
    assert "not asked for any more" in said[0]


@pytest.mark.parametrize(
    "body",
    [
        # More tasks after each barrier.
        "x = 0\n    for _ in range(5):\n        x = bvalue(f(x + 1))",
        "xs = [f(n) for n in range(3)]\n    for _ in range(4):\n        barrier()\n"
        "        xs = [f(value(x) * 10 + 1) for x in xs]",
        # Others, as something was computed.
        "first = f(1)\n    f(2, value(first) if first.can_load() else None)\n    barrier()",
        "first = f(1)\n    f(value(first) if first.can_load() else 0, 1)\n    bvalue(first)\n    f(3)",
        # Others in each load, until there are enough.
        "n = len(lines) if (lines := Path('runs').exists() and open('runs').readlines()) else 0\n"
        "    f(n)\n    if n < 5:\n        barrier()\n        1 / 0",
    ],
)
def test_a_jugfile_that_makes_other_tasks_because_of_what_was_computed_is_not_accused(jug, body):
    jug.write(HEAD + f"    {body}\n")
    done = jug("execute", "--will-cite")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(lines(jug, "runs")) == len(set(lines(jug, "runs")))


def test_tasks_that_move_are_not_accused(jug):
    jug.write(
        HEAD
        + """
    for n in range(len(open("loads").readlines())):
        f(-n)
    f(5)
    if n < 4:
        barrier()
    """
    )
    done = jug("execute", "--will-cite")
    assert (done.returncode, done.stderr) == (0, "")
