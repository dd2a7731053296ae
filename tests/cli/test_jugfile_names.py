"""Jugfiles with the name of the package or of a module: what is refused, and what works all the same."""

import subprocess
import sys
from pathlib import Path

import pytest

import jug as jug_package
from tests.support.jugfiles import ONE_TASK


@pytest.mark.parametrize("command", ["execute", "status", "check"])
def test_a_jugfile_with_the_name_of_the_package_is_refused(jug, command):
    jug.write(ONE_TASK, "jug.py")
    # `python -m jug` would import the file itself.
    done = jug.python(f"""
        import sys
        sys.path.remove("")
        from jug.jug import main
        main(["jug", "{command}", "jug.py"])
    """)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "jug: error: a jugfile cannot have the name of this package: whatever imports `jug` would get "
        "jug.py; give it another name\n"
    )


@pytest.mark.parametrize("name", ["types", "random", "enum", "inspect"])
def test_a_jugfile_with_the_name_of_a_module_of_pythons_is_warned_of_once(jug, name):
    folder = jug.folder / "work"
    folder.mkdir()
    jug.write(ONE_TASK + "\n    from jug import barrier\n    barrier()\n    f(2)\n", f"work/{name}.py")
    done = jug("execute", f"work/{name}.py", "--will-cite")
    said = f"jug: warning: the jugfile work/{name}.py has the name of a module of Python's own: "
    assert done.stderr.startswith(said)
    assert done.stderr.count("warning") == 1
    assert "panic" not in done.stderr.lower()


NAMES = ["types", "random", "enum", "string", "json", "logging", "time", "copy", "signal", "numpy"]


@pytest.mark.parametrize("name", NAMES)
def test_every_command_works_with_a_jugfile_of_any_name(jug, name):
    """What is imported only when it is needed must not get the jugfile in the place of a module."""
    jug.write(
        """
        import os
        from jug import TaskGenerator

        @TaskGenerator
        def double(x):
            if x == 3 and not os.path.exists("crashed"):
                open("crashed", "w").close()
                os._exit(4)
            return 2 * x

        @TaskGenerator
        def fail(x):
            raise ValueError(x)

        doubled = [double(i) for i in range(5)]
        fail(doubled)
        """,
        f"{name}.py",
    )

    def run(*args):
        return subprocess.run(
            # The interpreter itself would fall over the name, were this directory on its path.
            [sys.executable, "-P", "-m", "jug", *args],
            cwd=jug.folder,
            env=jug.env(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    commands = {
        "execute --will-cite": {4},
        "execute --will-cite --keep-going": {1},
        "status": {1},
        "status --json": {1},
        "check": {1},
    }
    for command, statuses in commands.items():
        first, *options = command.split()
        done = run(first, f"{name}.py", *options)
        assert done.returncode in statuses, (command, done.stderr)
        assert "ImportError" not in done.stderr
        assert "panic" not in done.stderr
        assert "jug/engine" not in done.stderr


def test_what_is_imported_later_is_imported_before_a_jugfile_takes_a_name():
    import ast

    from jug.engine.jugfile import _NEEDED_LATER

    imported = set()
    for path in Path(jug_package.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                imported.add(node.module)
    code = f"import sys, {', '.join(_NEEDED_LATER)}; print(*sys.modules)"
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    known = {name for name in imported if name.split(".")[0] in sys.stdlib_module_names}
    assert known.difference(there.split()) <= {"__future__", "gc", "pdb", "pkgutil"}


def test_a_jugfile_that_imports_a_module_of_its_own_name_gets_advice(jug):
    jug.write("import numpy\n" + "x = numpy.zeros(3)\n", "numpy.py")
    done = jug("execute", "numpy.py")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith(
        "; whatever imports `numpy` gets the jugfile, because that is its name: give it another one"
    )
