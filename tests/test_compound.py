"""What ran inside of a compound task, after it is done."""

from __future__ import annotations

import pytest

JUGFILE = """
    from jug import TaskGenerator, bvalue
    from jug.compound import CompoundTaskGenerator

    @TaskGenerator
    def base(x):
        return x

    @TaskGenerator
    def outside(x):
        return x

    @TaskGenerator
    def inner(x):
        return x + STEP

    @TaskGenerator
    def add(x, y):
        return x + y

    STEP = int(open("step").read())
    given = base(1)
    captured = outside(10)

    @CompoundTaskGenerator
    def deeper(x):
        return inner(x)

    @CompoundTaskGenerator
    def whole(x):
        seen = bvalue(inner(100))
        return add(deeper(x), captured)

    @CompoundTaskGenerator
    def unused(x):
        return add(1, 2)

    @TaskGenerator
    def last(x):
        return x

    out = last(whole(given))
    other = unused(given)
"""


def run(jug, step):
    (jug.folder / "step").write_text(str(step))
    done = jug("execute", "--will-cite")
    assert done.returncode == 0, done.stderr
    code = "import jug; print(jug.value(jug.init('jugfile.py', 'jugfile.jugdata')[1]['out']))"
    return int(jug.python(code).stdout)


@pytest.mark.parametrize("clean", [False, True])
def test_invalidating_what_ran_inside_invalidates_the_compound_task(jug, clean):
    jug.write(JUGFILE)
    assert run(jug, 1) == 12
    if clean:  # What is inside has no results of its own any more.
        assert jug("cleanup").returncode == 0
    removed = jug("invalidate", "--name", "inner")
    assert (removed.returncode, removed.stderr) == (0, "")
    for name in ("whole", "last"):
        assert f"1  jugfile.{name}" in removed.stdout
    assert "unused" not in removed.stdout
    assert run(jug, 5) == 16


@pytest.mark.parametrize("name", ["deeper", "outside", "base", "whole"])
def test_a_compound_task_goes_with_whatever_it_needs(jug, name):
    jug.write(JUGFILE)
    run(jug, 1)
    removed = jug("invalidate", "--name", name)
    assert "1  jugfile.whole" in removed.stdout
    assert "1  jugfile.last" in removed.stdout


def test_to_look_inside_leaves_the_tasks_of_the_jugfile_as_they_are(jug):
    jug.write(JUGFILE)
    run(jug, 1)
    code = """
        import jug
        from jug.compound import expanded
        jug.init("jugfile.py", "jugfile.jugdata")
        before = list(jug.task.alltasks)
        inside = expanded(jug.task.alltasks)
        print(jug.task.alltasks == before, len(inside) > len(before), jug.task.alltasks[-1].can_load())
    """
    assert jug.python(code).stdout == "True True True\n"
