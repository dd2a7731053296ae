"""Functions that tasks are given to call: their code is behind the results, too."""

import pytest

HELPER = """
    def twice(x):
        return x * {factor}

    def add(x, y):
        return x + y + {offset}

    class Model:
        def step(self, x):
            return x + {offset}

    def unused(x):
        return x
"""
JOBS = """
    from collections import namedtuple
    from dataclasses import dataclass
    from functools import lru_cache, partial
    import jug
    from jug import Task, TaskGenerator, Tasklet, iteratetask
    from jug.compound import CompoundTaskGenerator
    import helper

    @TaskGenerator
    def apply(f, x):
        return f(x)

    @TaskGenerator
    def apply_to_many(a, b, c, f=None):
        return [f(x) for x in (a, b, c)]

    @TaskGenerator
    def apply_each(functions, x):
        every = functions.values() if isinstance(functions, dict) else functions
        return [f(x) for f in every]

    @TaskGenerator
    def identity(x, f=None):
        return x

    @TaskGenerator
    def run(plan):
        return plan.f(1)

    @dataclass
    class Plan:
        f: object

    Pair = namedtuple("Pair", "f g")

    def scaled(task, factor, f):
        return Tasklet(task, lambda x: factor * f(x))

    @CompoundTaskGenerator
    def nested(f, x):
        return apply(f, x)

    {call}
"""

CALLS_OF_TWICE = [
    "apply(helper.twice, 1)",
    "apply_to_many(1, 2, 3, f=helper.twice)",
    "apply(partial(helper.twice), 1)",
    "nested(helper.twice, 1)",
    "jug.mapreduce.map(helper.twice, [1, 2, 3, 4, 5])",
    "jug.mapreduce.map(TaskGenerator(helper.twice), [1, 2, 3, 4, 5])",
    "jug.mapreduce.mapreduce(helper.add, helper.twice, [1, 2])",
]
CALLS_OF_TWICE_WITHIN = [
    "apply_each([abs, helper.twice], 1)",
    "apply_each({'a': (abs, helper.twice)[1]}, 1)",
    "apply_each({helper.twice}, 1)",
    "identity(1, f=[{'a': ({helper.twice},)}])",
    "run(Plan(helper.twice))",
    "run(Pair(helper.twice, 1))",
    "apply_each([partial(map, helper.twice)], [1])",
    "identity(Tasklet(identity(1), helper.twice))",
    "identity([Tasklet(identity(1), partial(helper.twice))])",
    "identity(Tasklet(identity(1), lambda x: helper.twice(x)))",
    "identity(Tasklet(Tasklet(identity(1), helper.twice), str)[0])",
    "identity([scaled(identity(n), n, helper.twice) for n in range(3)])",
    "identity(Tasklet(identity(1), lambda x, f=helper.twice: f(x)))",
    "identity(identity([1, 2])[Tasklet(identity(0), helper.twice)])",
]
CALLS_OF_ADD = [
    "identity(1, f=helper.Model)",
    "identity(1, f=[helper.Model().step])",
    "identity(1, f=[helper.Model])",
    "identity(Tasklet(identity(1), lambda x: helper.Model().step(x)))",
    "jug.mapreduce.currymap(helper.add, [(1, 2), (3, 4)])",
    "jug.mapreduce.reduce(helper.add, [1, 2, 3])",
    "jug.mapreduce.mapreduce(helper.add, helper.twice, [1, 2])",
]


@pytest.mark.parametrize(
    ("call", "edited"),
    [(call, {"factor": 3}) for call in CALLS_OF_TWICE + CALLS_OF_TWICE_WITHIN]
    + [(call, {"offset": 1}) for call in CALLS_OF_ADD],
)
def test_a_change_of_a_function_that_a_task_is_given_is_noticed(jug, call, edited):
    jug.write(JOBS.format(call=call))
    as_it_was = {"factor": 2, "offset": 0}
    jug.write(HELPER.format(**as_it_was), name="helper.py")
    assert jug("execute").returncode == 0
    jug.write(HELPER.format(**as_it_was) + "\n    MORE = 1\n", name="helper.py")
    assert jug("status").stderr == ""
    jug.write(HELPER.format(**as_it_was | edited), name="helper.py")
    assert "made by other code than that of today" in jug("status").stderr
    assert "helper." in jug("status", "--code").stdout
    assert "removed" in jug("execute", "--rerun-changed").stderr
    assert jug("status").stderr == ""


def test_a_task_with_a_version_is_told_apart_by_that_though_it_is_given_a_function(jug):
    text = JOBS.replace("@TaskGenerator\n    def apply(", "@TaskGenerator(version=1)\n    def apply(")
    jug.write(text.format(call=CALLS_OF_TWICE[0]))
    jug.write(HELPER.format(factor=2, offset=0), name="helper.py")
    assert jug("execute").returncode == 0
    jug.write(HELPER.format(factor=3, offset=0), name="helper.py")
    assert jug("status").stderr == ""


def test_what_a_lambda_captured_is_told_by_the_keys_and_costs_no_fingerprint_of_its_own(jug):
    call = "all = [identity(scaled(identity(n), n, helper.twice)) for n in range(50)]"
    jug.write(JOBS.format(call=call))
    jug.write(HELPER.format(factor=2, offset=0), name="helper.py")
    assert jug("execute").returncode == 0
    # identity itself; identity with the lambda, and with what that captured.
    fingerprints = jug.python(
        """
        from jug.backends.file_store import file_store
        from jug.engine.session.open import open_session
        print(len(open_session(file_store("jugfile.jugdata")).known_codes()))
        """
    )
    assert fingerprints.stdout.split() == ["2"]


@pytest.mark.parametrize(
    "given", ["float", "statistics.mean", "ValueError", "[str, partial(statistics.fmean)]"]
)
def test_functions_and_classes_of_libraries_that_a_task_is_given_are_no_code_of_the_users(jug, given):
    jug.write(JOBS.format(call=f"import statistics\n    identity(1, f={given})"))
    jug.write(HELPER.format(factor=2, offset=0), name="helper.py")
    assert jug("execute").returncode == 0
    status = jug("status", "--code")
    assert "No result was made by other code" in status.stdout
    assert "not watched" not in status.stdout


def test_what_holds_itself_is_looked_into_once(jug):
    calls = ["plan = Plan(helper.twice)", "plan.f = [plan, helper.twice]", "identity(Plan(1), f=plan)"]
    jug.write(JOBS.format(call="\n    ".join(calls)))
    jug.write(HELPER.format(factor=2, offset=0), name="helper.py")
    looked = jug.python(
        """
        import jugfile, jug
        print(len(jug._native.called(jug.task.alltasks[-1])))
        """,
        timeout=20,
    )
    assert looked.stdout == "2\n", looked.stderr
