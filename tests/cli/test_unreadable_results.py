"""Results that are whole and cannot be loaded here: a package is missing, or has another version."""

import shutil

import pytest

# The objects of each version are made by a function that the other one does not have.
LIBRARY = """
    __version__ = "{version}"

    class Shape:
        def __init__(self, sides):
            self.sides = sides

        def __reduce__(self):
            return {maker}, (self.sides,)

    def {maker}(sides):
        return Shape(sides)
"""
JOBS = """
    from jug import TaskGenerator

    @TaskGenerator
    def shape(sides):
        import shapes
        return shapes.Shape(sides)

    @TaskGenerator
    def sides(shape):
        return shape.sides

    @TaskGenerator
    def number(n):
        return n

    made = [shape(n) for n in (3, 4)]
    counts = [sides(each) for each in made]
    numbers = [number(n) for n in range(3)]
"""
LOAD = """
    import jug

    names = jug.init("jugfile.py", "jugfile.jugdata")[1]
    try:
        print(jug.value(names["made"]))
    except RuntimeError as error:
        print(error)
"""
NEEDS = "the package shapes is not installed here (1.5 when it was stored)"
DIFFERS = "it was stored with shapes 1.5, and here is shapes 2.0"


@pytest.fixture
def shapes(jug):
    """`jug` beside a jugfile whose seven tasks are done, two of them with objects of shapes 1.5."""
    jug.write(JOBS)
    jug.write(LOAD, "load.py")
    jug.write(LIBRARY.format(version="1.5", maker="make"), "shapes.py")
    assert jug("execute", "--short", "--will-cite").stdout.startswith("Executed:  7 tasks\n")
    return jug


def upgrade(jug) -> None:
    jug.write(LIBRARY.format(version="2.0", maker="created"), "shapes.py")


def remove(jug) -> None:
    (jug.folder / "shapes.py").unlink()
    shutil.rmtree(jug.folder / "__pycache__", ignore_errors=True)


@pytest.mark.parametrize(("change", "what"), [(remove, NEEDS), (upgrade, DIFFERS)])
@pytest.mark.parametrize("packed", [False, True])
def test_the_line_names_the_package_with_its_version_then_and_now(shapes, change, what, packed) -> None:
    """Also after packing, where the segment is gone in which the versions were noted first."""
    if packed:
        assert shapes("pack", "--force").returncode == 0
    change(shapes)
    done = shapes.run_python("load.py")
    assert "cannot load the result of task jugfile.shape (" in done.stdout
    assert f"; {what}. The result stays: " in done.stdout
    assert "'jug invalidate --unreadable' has the task run again" in done.stdout


@pytest.mark.parametrize(("change", "what"), [(remove, NEEDS), (upgrade, DIFFERS)])
def test_such_a_result_is_no_damage_and_stays(shapes, change, what) -> None:
    """No look, no run and no repair takes it away; with the package as it was it can be read."""
    change(shapes)
    done = shapes("fsck", "--repair")
    assert done.returncode == 0
    assert what in done.stdout
    assert "7 results: 0 damaged, 0 unreadable; 0 orphaned files" in done.stdout
    assert "made 0 tasks runnable again" in done.stdout
    assert not (shapes.folder / "jugfile.jugdata" / "quarantine").exists()
    assert shapes("execute", "--short", "--will-cite").stdout.startswith("Executed:  0 tasks\n")
    shapes("cleanup")
    assert shapes("check").returncode == 0
    shapes.write(LIBRARY.format(version="1.5", maker="make"), "shapes.py")
    assert "shapes.Shape object" in shapes.run_python("load.py").stdout


def test_a_task_that_needs_it_fails_with_that_line_and_nothing_is_computed_again(shapes) -> None:
    upgrade(shapes)
    assert shapes("invalidate", "--name", "sides").returncode == 0
    done = shapes("execute", "--keep-going", "--will-cite")
    assert done.returncode == 1
    assert DIFFERS in done.stderr
    assert shapes("status", "--short").stdout.startswith("2 tasks waiting to be run, 0 failed, 5 complete")


def test_it_is_computed_again_when_the_user_says_so(shapes) -> None:
    """With all that depends on it, and nothing else."""
    upgrade(shapes)
    done = shapes("invalidate", "--unreadable", "--short")
    assert (done.returncode, done.stdout) == (0, "Invalidated:  4 tasks\n** Total: 4 tasks.\n")
    assert shapes("execute", "--short", "--will-cite").stdout.startswith(
        "Executed:  4 tasks\nLoaded:  3 tasks\n"
    )
    assert "shapes.Shape object" in shapes.run_python("load.py").stdout
    assert shapes("invalidate", "--unreadable").stdout == "No results invalidated.\n"


def test_versions_take_no_room_in_the_record_of_a_result(shapes) -> None:
    """The list is stored once for each set of libraries, and not with each result."""
    segments = list((shapes.folder / "jugfile.jugdata" / "segments").glob("*.seg"))
    contents = b"".join(segment.read_bytes() for segment in segments)
    assert contents.count(b"shapes 1.5\n") == 1
    assert contents.count(b"python 3.") <= 3
