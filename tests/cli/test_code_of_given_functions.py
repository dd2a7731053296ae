"""Functions that tasks are given to call: their code is behind the results, too."""

import pytest

HELPER = """
    def twice(x):
        return x * {factor}

    def add(x, y):
        return x + y + {offset}

    def unused(x):
        return x
"""
JOBS = """
    from functools import partial
    import jug
    from jug import Task, TaskGenerator
    from jug.compound import CompoundTaskGenerator
    import helper

    @TaskGenerator
    def apply(f, x):
        return f(x)

    @TaskGenerator
    def apply_to_many(a, b, c, f=None):
        return [f(x) for x in (a, b, c)]

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
CALLS_OF_ADD = [
    "jug.mapreduce.currymap(helper.add, [(1, 2), (3, 4)])",
    "jug.mapreduce.reduce(helper.add, [1, 2, 3])",
    "jug.mapreduce.mapreduce(helper.add, helper.twice, [1, 2])",
]


@pytest.mark.parametrize(
    ("call", "edited"),
    [(call, {"factor": 3}) for call in CALLS_OF_TWICE] + [(call, {"offset": 1}) for call in CALLS_OF_ADD],
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
