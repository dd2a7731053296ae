"""Different functions that make tasks of one name with equal arguments: an error that names both places."""

from __future__ import annotations

import pytest

PRELUDE = """
    from jug import Task, TaskGenerator

    class Model:
        def __init__(self, slope):
            self.slope = slope
        def at(self, x):
            return self.slope * x

    class Locked(Model):
        def __reduce__(self):
            raise TypeError("has no value")

    def wrapped(f):
        import functools
        @functools.wraps(f)
        def wrapper(*args):
            return f(*args)
        return wrapper

    def power(n):
        @TaskGenerator
        def raised(x):
            return x ** n
        return raised

    def scaled(n):
        @TaskGenerator
        def product(x, n=n):
            return x * n
        return product

    def nested(n):
        inner = power(n).f
        @TaskGenerator
        def outer(x):
            return inner(x)
        return outer
"""

DIFFERENT = {
    "a function that is redefined": """
        @TaskGenerator
        def step(x):
            return 'first'
        out = step(1)
        @TaskGenerator
        def step(x):
            return 'second'
        again = step(1)
    """,
    "constants that are equal and of other types": """
        @TaskGenerator
        def step(x):
            return (1, 2)
        out = step(1)
        @TaskGenerator
        def step(x):
            return (1, 2.0)
        again = step(1)
    """,
    "captured values": "out = [power(2)(3), power(3)(3)]",
    "captured functions": "out = [nested(2)(3), nested(3)(3)]",
    "defaults": "out = [scaled(2)(3), scaled(3)(3)]",
    "the objects of bound methods": "out = [Task(Model(1).at, 5), Task(Model(2).at, 5)]",
    "objects without a value": "out = [Task(Locked(1).at, 5), Task(Locked(1).at, 5)]",
    "what is below a decorator": """
        def step(x):
            return 'first'
        out = Task(wrapped(step), 1)
        def step(x):
            return 'second'
        again = Task(wrapped(step), 1)
    """,
    "names that were given": """
        def one(x):
            return 1
        def two(x):
            return 2
        tasks = [Task(one, 3), Task(two, 3)]
        for t in tasks:
            t.name = "same"
    """,
}

EQUAL = {
    "the same code twice": """
        @TaskGenerator
        def step(x):
            return {1, 2}, (lambda y: y + 1)(x)
        out = step(1)

        # Somewhere else.
        @TaskGenerator
        def step(x):
            return {1, 2}, (lambda y: y + 1)(x)
        again = step(1)
    """,
    "other arguments": "out = [power(2)(3), power(3)(4), Task(Model(1).at, 5), Task(Model(2).at, 6)]",
    "equal captured values": "out = [power(2)(3), power(2)(3), nested(2)(3), nested(2)(3)]",
    "equal objects": "out = [Task(Model(1).at, 5), Task(Model(1).at, 5)]",
    "one object": "model = Locked(1); out = [Task(model.at, 5), Task(model.at, 5)]",
    "a compound task and its carrier": """
        from jug.compound import CompoundTaskGenerator

        @CompoundTaskGenerator
        def both(x):
            return power(2)(x)
        out = [both(1), both(1)]
    """,
}


def write(jug, source):
    import textwrap

    return jug.write(textwrap.dedent(PRELUDE) + textwrap.dedent(source))


@pytest.mark.parametrize("name", DIFFERENT)
def test_different_functions_under_one_name_are_an_error_that_names_both_places(jug, name):
    path = write(jug, DIFFERENT[name])
    lines = path.read_text().splitlines()
    for command in (["execute", "--will-cite"], ["status"], ["check"]):
        run = jug(*command)
        assert run.returncode == 1
        (message,) = run.stderr.splitlines()
        assert message.startswith("jug: error: there are two tasks ")
        places = [int(word.rstrip(")").split(":")[1]) for word in message.split() if "jugfile.py:" in word]
        assert len(places) == 2
        assert all(lines[place - 1].lstrip().startswith(("def ", "@")) for place in places)
    assert jug("invalidate", "--name", "*").returncode == 0


@pytest.mark.parametrize("name", EQUAL)
def test_functions_that_do_the_same_are_no_error(jug, name):
    write(jug, EQUAL[name])
    run = jug("execute", "--will-cite")
    assert (run.returncode, run.stderr) == (0, "")
    assert jug("check").returncode == 0


SESSION = """
    import sys
    sys.ps1 = ">>> "
    import jug
    from jug import TaskGenerator
    jug.set_jugdir("dict_store")

    def define(result):
        exec(f"@TaskGenerator\\ndef step(x):\\n    return {result!r}\\n", globals())

    for result in ("first", "first", "second", "third"):
        define(result)
        t = step(1)
        if not t.can_load():
            t.run()
        print(t.result)
    t.invalidate()
    t.run()
    print(t.result)
    from jug.engine.task_graph import graph_of
    print(len(graph_of(jug.task.alltasks)))
"""


def test_a_redefined_function_in_a_session_says_once_that_earlier_results_are_there(jug):
    run = jug.python(SESSION)
    assert run.stdout.split() == ["first"] * 4 + ["third", "1"]
    assert run.stderr.count("was defined once more") == 1
    assert "invalidate()" in run.stderr
