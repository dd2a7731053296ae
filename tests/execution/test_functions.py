"""Functions, classes and arguments of a script in its workers: how they get there, and why not."""

from __future__ import annotations

import re

import pytest

OPEN = '    jug.set_jugdir("jugdata")\n'

#: Lines of a process that has no cloudpickle.
WITHOUT = '    sys.modules["cloudpickle"] = None\n'

#: Runs everything in workers, and lets another process look for the results.
RUN = """
    if sys.argv[1:] != ["again"]:
        summary = jug.execute(n_workers=2)
        keys = [t.key().hex() for t in jug.task.alltasks]
        show(**counted(summary), value=repr(jug.value(out)), keys=keys)
    else:
        # A compound task that is complete makes no others.
        assert {t.key().hex() for t in jug.task.alltasks} <= {*json.load(open("shown"))["keys"]}
        assert all(t.can_load() for t in jug.task.alltasks)
        assert repr(jug.value(out)) == json.load(open("shown"))["value"]
"""

CASES = {
    "what a function refers to": (
        """
    FACTOR = 3
    TABLE = {"a": 1}

    def helper(x):
        return x * FACTOR + TABLE["a"]

    @TaskGenerator
    def triple(x):
        return helper(x)

    @TaskGenerator
    def calls_another(x):
        return triple.f(x) + 1

    out = [triple(1), calls_another(2), calls_another(triple(3))]
    """,
        "[4, 8, 32]",
    ),
    "closures, methods and recursion": (
        """
    def adder(n):
        def add(x):
            return x + n
        return TaskGenerator(add)

    class Scale:
        def __init__(self, by):
            self.by = by
        @staticmethod
        def twice(x):
            return 2 * x

    @TaskGenerator
    def factorial(n):
        return 1 if n < 2 else n * factorial.f(n - 1)

    out = [adder(5)(1), jug.Task(Scale.twice, 4), factorial(5)]
    """,
        "[6, 8, 120]",
    ),
    "tasklets and lambdas": (
        """
    @TaskGenerator
    def pair(x):
        return {"first": [x, x + 1]}

    @TaskGenerator
    def add(x, y=0):
        return x + y

    p = pair(1)
    halved = jug.Tasklet(p, lambda it: it["first"][1] / 2)
    a, b = jug.iteratetask(p["first"], 2)
    out = [add(p["first"][0], y=b), add(halved), add(a)]
    """,
        "[3, 1.0, 1]",
    ),
    "classes as arguments and results": (
        """
    import dataclasses, enum, typing

    @dataclasses.dataclass(frozen=True)
    class Point:
        x: int
        def moved(self, by):
            return Point(self.x + by)

    class Colour(enum.Enum):
        RED = 1

    class Named(typing.NamedTuple):
        name: str

    class Alone:
        def __jug_hash__(self):
            return b"alone"
        def __repr__(self):
            return "Alone()"

    @TaskGenerator
    def move(point, by=1):
        return point.moved(by)

    @TaskGenerator
    def same(x):
        return x

    out = [move(Point(1)), move(move(Point(2)), by=3), same(Colour.RED), same(Named("n")), same(Alone())]
    """,
        "[Point(x=2), Point(x=6), <Colour.RED: 1>, Named(name='n'), Alone()]",
    ),
    "map, reduce and compound tasks": (
        """
    from jug import mapreduce, CompoundTaskGenerator

    def square(x):
        return x * x

    def add(x, y):
        return x + y

    @TaskGenerator
    def inc(x):
        return x + 1

    @CompoundTaskGenerator
    def whole(x):
        return inc(inc(x))

    squares = mapreduce.map(square, list(range(10)), map_step=3)
    out = [squares, mapreduce.reduce(add, squares), whole(1), inc(whole(2))]
    """,
        "[[0, 1, 4, 9, 16, 25, 36, 49, 64, 81], 285, 3, 5]",
    ),
    "tasks that are no inputs": (
        """
    from jug.io import NoLoad

    @TaskGenerator
    def work(x):
        return x

    one = work(1)

    @TaskGenerator
    def names(tasks):
        return sorted(t.name for t in tasks), one.name

    @TaskGenerator
    def name(no_load):
        return no_load.t.name

    out = [names({one, work(2)}), name(NoLoad(work(3)))]
    """,
        "[(['__main__.work', '__main__.work'], '__main__.one'), '__main__.work']".replace("one'", "work'"),
    ),
    "names, equal calls and changed arguments": (
        """
    @TaskGenerator
    def work(xs):
        return len(xs)

    xs = [1]
    first = work(xs)
    xs.append(2)
    second = work(xs)
    xs += list(range(10))
    named = work([0] * 5)
    named.name = "another name"
    equal = work([1])
    out = [first, second, named, equal, work([work([1]), first, equal])]
    """,
        "[1, 2, 5, 1, 3]",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_it_is_in_workers_as_it_is_in_the_script(script, jug, case):
    source, value = CASES[case]
    _, err = script(OPEN + source + RUN)
    shown = script.shown()
    assert (shown["value"], shown["failed"]) == (value, 0)
    assert re.sub("jug: warning: .* in a set among its arguments.*\n", "", err) == ""
    assert shown["executed"] > 0
    run_again = 'runpy.run_path("script.py", run_name="__main__")'
    done = jug.python(f'import runpy, sys; sys.argv = ["script.py", "again"]; {run_again}')
    assert done.returncode == 0, done.stderr


def test_many_tasks_in_a_long_chain_are_handed_over(script):
    script(
        OPEN
        + """
    @TaskGenerator
    def inc(x):
        return x + 1

    out = 0
    for _ in range(5000):
        out = inc(out)
    # As if a cell was run again.
    again = 0
    for _ in range(5000):
        again = inc(again)
    last = inc(again)
    summary = jug.execute(last, n_workers=1)
    show(**counted(summary), value=jug.value(last))
"""
    )
    assert script.shown() == {"executed": 5001, "loaded": 0, "failed": 0, "unfinished": 0, "value": 5001}


def test_an_argument_that_was_changed_and_has_no_copy_is_refused(script):
    script(
        OPEN
        + """
    import numpy as np
    array = np.zeros(100_000)

    @TaskGenerator
    def total(array):
        return float(array.sum())

    out = total(array)
    array += 1
    try:
        jug.execute(n_workers=1)
    except RuntimeError as error:
        show(said=str(error))
"""
    )
    assert "argument 1 of task __main__.total was changed after the task was made" in script.shown()["said"]


def test_an_array_that_many_tasks_share_is_handed_over_once(script):
    script(
        OPEN
        + """
    import numpy as np
    from jug.engine import handover
    from jug.engine.task_graph import graph_of
    import io
    array = np.arange(1_000_000)

    @TaskGenerator
    def part(array, i):
        return int(array[i])

    out = [part(array, i) for i in range(10)]
    file = io.BytesIO()
    handover.write_tasks(file, graph_of(out), jug.Task.store)
    jug.execute(n_workers=1)
    show(size=len(file.getvalue()), value=jug.value(out))
"""
    )
    shown = script.shown()
    assert shown["value"] == list(range(10))
    assert shown["size"] < 9_000_000


def test_what_cannot_be_handed_over_is_named(script):
    script(
        OPEN
        + """
    import threading
    thing = threading.Lock()

    @TaskGenerator
    def work(x):
        return thing is not None

    out = work(1)
    try:
        jug.execute(n_workers=1)
    except jug.errors.UserError as error:
        said = str(error)
    show(said=said, **counted(jug.execute()))
"""
    )
    shown = script.shown()
    assert shown["said"] == (
        "task __main__.work cannot be handed to workers: cannot pickle '_thread.lock' object; leave that out "
        "of its arguments and of what its function refers to, or run the tasks in this process "
        "(n_workers=None)"
    )
    assert shown["executed"] == 1


@pytest.mark.parametrize(
    ("made", "name"),
    [
        ("work(1)", "__main__.work"),
        ("jug.Task(abs, jug.Tasklet(jug.Task(int, 1), lambda x: x))", "__main__.<lambda>"),
        ("jug.Task(repr, Thing())", "__main__.Thing"),
    ],
)
def test_without_cloudpickle_what_has_no_file_is_named_with_the_extra_to_install(script, made, name):
    script(
        WITHOUT
        + OPEN
        + f"""
    class Thing:
        pass

    @TaskGenerator
    def work(x):
        return x

    out = {made}
    try:
        jug.execute(n_workers=1)
    except jug.errors.UserError as error:
        said = str(error)
    show(said=said, **counted(jug.execute()))
"""
    )
    shown = script.shown()
    assert (
        f" cannot be handed to workers: {name} is in no file from which workers could import it: "
        in shown["said"]
    )
    assert "pip install cloudpickle (or this package with its extra 'notebook')" in shown["said"]
    assert shown["failed"] == 0


def test_what_workers_can_import_needs_no_cloudpickle(script, jug):
    jug.write(
        """
        import jug
        from jug import CompoundTaskGenerator, TaskGenerator

        class Point:
            def __init__(self, x):
                self.x = x

        def plain(x):
            return x + 1

        @TaskGenerator(retries=1)
        def generated(point):
            return Point(point.x + generated_again.f(1))

        @TaskGenerator
        def generated_again(x):
            return x

        @CompoundTaskGenerator
        def whole(x):
            return jug.Task(plain, x)
        """,
        "library.py",
    )
    script(
        WITHOUT
        + OPEN
        + """
    import library
    out = [library.generated(library.Point(1)), library.whole(3), jug.Task(library.plain, 4)]
    summary = jug.execute(n_workers=2)
    show(**counted(summary), value=[jug.value(out[0]).x, *jug.value(out[1:])])
"""
    )
    assert script.shown() == {"executed": 4, "loaded": 0, "failed": 0, "unfinished": 0, "value": [2, 4, 5]}


def test_tasks_of_jugfiles_that_are_open_are_run_by_workers_that_load_them(script, jug):
    """Without cloudpickle, up to the barrier at which they end, with their arguments, and nothing drifts."""
    jug.write(
        """
        import jug, random, sys
        from jug import TaskGenerator

        class Point:
            def __init__(self, x):
                self.x = x
            def __jug_hash__(self):
                return b"%d" % self.x

        @TaskGenerator
        def work(point):
            return Point(point.x + 1)

        @TaskGenerator
        def drifting(x):
            return x

        with open("loads", "a") as loads:
            loads.write("x")
        first = work(Point(int(sys.argv[1])))
        other = drifting(random.random())
        jug.barrier()
        raise SystemError("not met")
        """
    )
    script(
        WITHOUT
        + """
    sys.argv = ["script.py", "41"]
    store, names = jug.init("jugfile.py", "jugdata")
    summary = jug.execute(n_workers=1)
    show(**counted(summary), value=jug.value(names["first"]).x, other=names["other"].can_load())
"""
    )
    assert script.shown() == {
        "executed": 2,
        "loaded": 0,
        "failed": 0,
        "unfinished": 0,
        "value": 42,
        "other": True,
    }
    assert (jug.folder / "loads").read_text() == "xx"


def test_what_was_imported_for_the_script_only_is_an_error_that_says_so(script, jug):
    jug.write("def work(x):\n    return x\n", "hidden.py")
    _, err = script(
        OPEN
        + """
    import hidden
    os.remove("hidden.py")
    out = jug.Task(hidden.work, 1)
    try:
        jug.execute(n_workers=2)
    except jug.errors.UserError as error:
        show(said=str(error))
"""
    )
    assert script.shown()["said"] == "the workers could not work; what they printed says why"
    said = "jug: error: a worker cannot load the tasks that it is to run: ModuleNotFoundError: "
    assert err.count(f"{said}No module named 'hidden'") == 1


def test_limits_of_functions_are_known_to_workers(script):
    script(
        OPEN
        + """
    from jug.internal.limits import limits_of

    @TaskGenerator(timeout=60, memory="1GB")
    def limited(x):
        from jug.internal import limits
        return [tuple(it) for (_, name), (it, _) in limits._declared.items() if name == "limited"]

    out = limited(1)
    jug.execute(n_workers=1)
    show(value=jug.value(out))
"""
    )
    assert script.shown()["value"] == [[60.0, None, 10**9]]
