"""Changes of what the function of a task holds, which is code, too."""

import pytest

JOBS = """
    import functools
    from jug import Task
    import helper

    class Model:
        def __init__(self, rate):
            self.rate = rate
            self.runs = 0

        def go(self, x):
            self.runs += 1
            return x * self.rate

    def make(n):
        def inner(x, k=n):
            return x + k
        return inner

    def remember(f):
        cache = {}
        def inner(x):
            if x not in cache:
                cache[x] = f(x)
            return cache[x]
        return inner

    r = FUNCTION
"""
HELPER = """
    def step(x):
        return x + 1

    def at(value):
        def inner(x):
            return value["a"](x)
        return inner
"""
NOTHING = "No result was made by other code than that of today, as far as it is known."


def first_line(jug, function):
    jug.write(JOBS.replace("FUNCTION", function))
    return jug("status", "--code").stdout.splitlines()[0]


@pytest.mark.parametrize(
    ("function", "other"),
    [
        ("Task(make(3), 1)", "Task(make(4), 1)"),
        ("Task(Model(3).go, 1)", "Task(Model(4).go, 1)"),
        ("Task(functools.partial(make(3), 1))", "Task(functools.partial(make(4), 1))"),
        ("[Task(make(n), n) for n in (1, 2)]", "[Task(make(n + 1), n) for n in (1, 2)]"),
    ],
)
def test_another_value_is_other_code_and_the_same_is_not(jug, function, other):
    jug.write(HELPER, name="helper.py")
    jug.write(JOBS.replace("FUNCTION", function))
    done = jug("execute", "--will-cite")
    assert done.returncode == 0, done.stderr
    assert first_line(jug, function) == NOTHING
    assert "of code" in first_line(jug, other)


def test_what_a_function_that_is_held_does_is_part_of_the_code(jug):
    jug.write(HELPER, name="helper.py")
    function = "Task(helper.at({'a': helper.step}), 1)"
    jug.write(JOBS.replace("FUNCTION", function))
    done = jug("execute", "--will-cite")
    assert done.returncode == 0, done.stderr
    assert first_line(jug, function) == NOTHING
    jug.write(HELPER.replace("x + 1", "x + 2"), name="helper.py")
    assert "of code" in first_line(jug, function)


def test_what_a_task_changes_of_what_it_holds_is_the_same_code(jug):
    jug.write(HELPER, name="helper.py")
    function = "[Task(Model(3).go, 1), Task(remember(helper.step), 1)]"
    jug.write(JOBS.replace("FUNCTION", function))
    done = jug("execute", "--will-cite")
    assert done.returncode == 0, done.stderr
    said = jug("status", "--code").stdout.splitlines()
    assert said == [
        NOTHING,
        "not watched: jugfile.Model.runs is written while tasks run",
        "not watched: what jugfile.remember.<locals>.inner holds as cache is changed while tasks run",
    ]
