"""`jug invalidate` where the jugfile itself uses a result that cannot be loaded."""

import pytest

LIBRARY = """
    __version__ = "{version}"

    class {name}:
        def __init__(self, sides):
            self.sides = sides
"""
FUNCTIONS = """
    from jug import CachedFunction, CompoundTaskGenerator, TaskGenerator, barrier, bvalue, value

    @TaskGenerator
    def shape(sides):
        import shapes
        return getattr(shapes, [it for it in vars(shapes) if it[0] != "_"][0])(sides)

    @TaskGenerator
    def number(n):
        return n

    first = number(1)
    made = [shape(n) for n in (3, 4)]
"""
#: How a jugfile uses it, and how many tasks there are with those behind it.
USES = {
    "value": ("barrier()\n    last = number(value(made[0]).sides)", 4),
    "bvalue": ("last = number(bvalue(made[0]).sides)", 4),
    "CachedFunction": ("last = number(CachedFunction(shape.f, 5).sides)", 5),
}
COMPOUND = """
    @CompoundTaskGenerator
    def total(n):
        inner = shape(n)
        barrier()
        return number(value(inner).sides)

    last = total(6)
"""


@pytest.fixture(params=USES)
def uses(jug, request):
    """`jug` beside a jugfile that uses an object of another version of a library, and a count."""
    use, count = USES[request.param]
    return prepared(jug, FUNCTIONS + "    " + use, count), count


def prepared(jug, source, count):
    jug.write(source)
    jug.write(LIBRARY.format(version="1.5", name="Shape"), "shapes.py")
    while not (done := jug("execute", "--short", "--will-cite")).stdout.startswith("Executed:  0"):
        assert done.returncode == 0, done.stderr
    assert f"Loaded:  {count} tasks" in done.stdout
    jug.write(LIBRARY.format(version="2.0", name="Form"), "shapes.py")
    return jug


def test_what_the_jugfile_needs_is_computed_again_when_the_user_says_so(uses) -> None:
    """The line of the other commands names the one that helps."""
    jug, count = uses
    done = jug("execute", "--will-cite")
    assert done.returncode == 1
    assert "'jug invalidate --unreadable' has the task run again" in done.stderr
    done = jug("invalidate", "--unreadable", "--short")
    assert (done.returncode, done.stderr) == (0, "")
    removed = count - 2
    assert done.stdout == f"Invalidated:  {removed} tasks\n** Total: {removed} tasks.\n"
    assert jug("execute", "--will-cite").returncode == 0
    assert jug("check").returncode == 0
    assert jug("invalidate", "--unreadable").stdout == "No results invalidated.\n"


def test_tasks_before_it_can_be_invalidated_by_name(uses) -> None:
    jug, _ = uses
    done = jug("invalidate", "--name", "number", "--short")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "Invalidated:  1 tasks\n** Total: 1 tasks.\n"


def test_fsck_knows_the_names_of_tasks_before_it(uses) -> None:
    """And no error is said of the jugfile."""
    jug, _ = uses
    done = jug("fsck")
    assert (done.returncode, done.stderr) == (0, "")
    assert "of another version: jugfile.shape (" in done.stdout


def test_what_a_compound_task_used_inside_is_computed_again(jug) -> None:
    """It is complete, and its inside is made once more to find what can be removed."""
    prepared(jug, FUNCTIONS + COMPOUND, 4)
    done = jug("invalidate", "--unreadable", "--short")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "Invalidated:  4 tasks\n** Total: 4 tasks.\n"
