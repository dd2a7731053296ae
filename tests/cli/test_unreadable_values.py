"""Results that are whole and of which no value can be made here, for whatever reason: they stay."""

import shutil
import struct

import numpy as np
import pytest

from tests.support.checksum import crc32c

JOBS = """
    from jug import TaskGenerator

    @TaskGenerator
    def shape(sides):
        import shapes
        return shapes.Shape(sides)

    @TaskGenerator
    def sides(shape):
        return shape.sides

    made = [shape(n) for n in (3, 4)]
    counts = [sides(each) for each in made]
"""
CLASS = """
    class Shape:
        def __init__(self, sides):
            self.sides = sides
"""
LOAD = """
    import jug

    names = jug.init("jugfile.py", {jugdir!r})[1]
    try:
        print([each.sides for each in jug.value(names["made"])])
    except Exception as error:
        print(error)
"""
WHOLE = "4 results: 0 damaged, {unreadable} unreadable; 0 orphaned files"

#: Files of packages that say no version, or only when they are asked for it.
PACKAGES = {
    "its own": {"shapes.py": CLASS},
    "lazy": {
        "shapes.py": CLASS + '\n    def __getattr__(name):\n        return {"__version__": "1.5"}[name]\n'
    },
    "namespace": {"shapes/core.py": CLASS},
}
#: What makes loading fail, where the class is found.
FAILURES = {
    "OSError": "OSError('libgeos.so: cannot open shared object file')",
    "ConnectionError": "ConnectionError('no server')",
    "KeyError": "KeyError('sides')",
    "RuntimeError": "RuntimeError('no GPU')",
    "TypeError": "TypeError('no sides')",
    "ImportError": "ImportError('libcuda.so: cannot open shared object file')",
    "AttributeError": "AttributeError('no sides')",
    "ValueError": "ValueError('no sides')",
}


def place(jug, files) -> None:
    for name, text in files.items():
        (jug.folder / name).parent.mkdir(exist_ok=True)
        jug.write(text, name)


def write(jug, files, *, imported="shapes") -> None:
    """Makes the results, with these files beside the jugfile."""
    place(jug, files)
    jug.write(JOBS.replace("shapes", imported))
    jug.write(LOAD.format(jugdir="jugfile.jugdata"), "load.py")
    assert jug("execute", "--short", "--will-cite").stdout.startswith("Executed:  4 tasks\n")


def remove(jug, files) -> None:
    for name in files:
        (jug.folder / name).unlink()
    for folder in (*jug.folder.rglob("__pycache__"), jug.folder / "shapes"):
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("kind", PACKAGES)
def test_what_needs_a_package_that_says_no_version_stays(jug, kind) -> None:
    """Its version is not noted, as none was with results that were stored before versions were."""
    files = PACKAGES[kind]
    imported = "shapes.core" if kind == "namespace" else "shapes"
    write(jug, files, imported=imported)
    remove(jug, files)
    for options in ((), ("--repair",)):
        done = jug("fsck", *options)
        assert done.returncode == 0, done.stdout
        assert (
            "2 results were checked by checksum only, and stay: there is no module shapes here" in done.stdout
        )
        assert WHOLE.format(unreadable=0) in done.stdout
    assert "made 0 tasks runnable again" in done.stdout
    line = jug.run_python("load.py").stdout
    assert "there is no module shapes here: it is not installed, or was renamed or moved" in line
    assert "The result stays: bring it back, or 'jug invalidate --unreadable'" in line
    place(jug, files)
    assert jug.run_python("load.py").stdout == "[3, 4]\n"


@pytest.mark.parametrize("failure", FAILURES)
def test_what_fails_to_load_stays_until_the_user_says_otherwise(jug, failure) -> None:
    """Whatever is raised may be due to what is here, and fsck and invalidate mean the same results by it."""
    write(jug, {"shapes.py": CLASS})
    broken = f"\n        def __setstate__(self, state):\n            raise {FAILURES[failure]}\n"
    jug.write(CLASS + broken, "shapes.py")
    done = jug("fsck", "--repair")
    assert done.returncode == 1
    assert done.stdout.count("unreadable: jugfile.shape (") == 2
    assert "what is whole stays" in done.stdout
    assert "made 0 tasks runnable again" in done.stdout
    assert "cannot load the result of task jugfile.shape (" in jug.run_python("load.py").stdout
    jug.write(CLASS, "shapes.py")
    assert jug.run_python("load.py").stdout == "[3, 4]\n"
    jug.write(CLASS + broken, "shapes.py")
    assert (
        jug("invalidate", "--unreadable", "--short").stdout == "Invalidated:  4 tasks\n** Total: 4 tasks.\n"
    )


@pytest.mark.parametrize(
    "text", ["raise SystemExit(0)", "raise RuntimeError('no GPU')", "from os import nothing_of_this_name"]
)
def test_a_module_that_cannot_be_imported_ends_no_command(jug, text) -> None:
    write(jug, {"shapes.py": CLASS})
    jug.write(text, "shapes.py")
    done = jug("fsck", "--repair")
    assert "Traceback" not in done.stderr
    assert done.stdout.count("unreadable: jugfile.shape (") == 2
    assert "made 0 tasks runnable again" in done.stdout
    assert (
        jug("invalidate", "--unreadable", "--short").stdout == "Invalidated:  4 tasks\n** Total: 4 tasks.\n"
    )


def test_what_is_no_value_anywhere_is_removed(jug) -> None:
    """An array whose elements are in no order that there is, with a checksum that is right."""
    jug.write("""
        import numpy as np
        from jug import TaskGenerator

        @TaskGenerator
        def numbers(n):
            return np.arange(n)

        made = numbers(3)
    """)
    assert jug("execute").returncode == 0
    [segment] = (jug.folder / "jugfile.jugdata" / "segments").glob("*.seg")
    data = bytearray(segment.read_bytes())
    elements = np.arange(3).tobytes()
    begin, end = data.index(elements) - 64, data.index(elements) + len(elements)
    data[begin] = ord("X")
    data[end : end + 4] = struct.pack("<I", crc32c(bytes(data[begin:end])))
    segment.write_bytes(data)
    done = jug("fsck", "--repair")
    assert done.returncode == 1
    assert "unreadable: jugfile.numbers (" in done.stdout
    assert "what is whole stays" not in done.stdout
    assert "made 1 tasks runnable again" in done.stdout


def test_a_directory_of_the_name_of_a_package_is_not_that_package(jug) -> None:
    write(jug, {"shapes.py": '\n    __version__ = "1.5"\n' + CLASS})
    remove(jug, ["shapes.py"])
    (jug.folder / "shapes").mkdir()
    needs = "the package shapes is not installed here (1.5 when it was stored)"
    assert needs in jug.run_python("load.py").stdout
    done = jug("fsck", "--repair")
    assert (done.returncode, needs in done.stdout) == (0, True)
    assert "made 0 tasks runnable again" in done.stdout


def test_without_a_jugfile_the_library_is_named(jug) -> None:
    write(jug, {"shapes.py": '\n    __version__ = "1.5"\n' + CLASS})
    jug.write('__version__ = "2.0"', "shapes.py")
    (jug.folder / "jugfile.py").unlink()
    done = jug("fsck", "--jugdir", "jugfile.jugdata")
    assert done.returncode == 0
    assert done.stdout.count("it was stored with shapes 1.5, and here is shapes 2.0: AttributeError: ") == 2


def test_in_a_redis_server_a_package_that_is_missing_is_named(jug, redis_server) -> None:
    jug.write(CLASS, "shapes.py")
    jug.write(JOBS)
    jug.write(LOAD.format(jugdir=redis_server.url), "load.py")
    assert jug("execute", "--jugdir", redis_server.url).returncode == 0
    remove(jug, ["shapes.py"])
    line = jug.run_python("load.py").stdout
    assert "there is no module shapes here: it is not installed, or was renamed or moved" in line
    assert jug("invalidate", "--unreadable", "--short", "--jugdir", redis_server.url).stdout.startswith(
        "Invalidated:  4 tasks\n"
    )
