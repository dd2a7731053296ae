"""How functions come to workers that have other modules than the coordinator."""

from __future__ import annotations

import pytest

from jug.errors import UserError
from jug.executors import inquiry
from jug.executors.backends import parse_backend
from jug.executors.coordinator import Coordinator

#: Pools of workers that do not find what lies in the directory of the jugfile, and lack a package.
POOLS = """
    import concurrent.futures, multiprocessing, os, sys

    def begin():
        here = os.path.abspath(".")
        sys.path[:] = [it for it in sys.path if it and os.path.abspath(it) != here]
        sys.modules["yaml"] = None

    def build(n):
        context = multiprocessing.get_context("forkserver")
        return concurrent.futures.ProcessPoolExecutor(n, mp_context=context, initializer=begin)
"""

BACKEND = ("execute", "--will-cite", "-n", "2", "--backend", "pools:build")


def test_modules_beside_the_jugfile_go_by_value_where_workers_do_not_find_them(jug):
    """With those that they import in turn."""
    jug.write(POOLS, "pools.py")
    jug.write(
        "import deeper\nfrom deeper import Scale\n\ndef scaled(x):\n    return deeper.times(x, Scale.TEN)\n",
        "beside.py",
    )
    jug.write(
        """
        import enum

        class Scale(enum.Enum):
            TEN = 10

        def times(x, scale):
            return x * scale.value
        """,
        "deeper.py",
    )
    jug.write(
        """
        import beside
        from jug import Task, TaskGenerator

        @TaskGenerator
        def use(x):
            return beside.scaled(x), beside.Scale.TEN

        used = [use(i) for i in range(5)]
        directly = Task(beside.scaled, 7)
        """
    )
    done = jug(*BACKEND)
    assert done.returncode == 0, done.stderr
    shown = jug.python(
        "import jug; space = jug.init('jugfile.py', 'jugfile.jugdata')[1];"
        "import beside; print(jug.value(space['directly']), jug.value(space['used'])[4][0],"
        "jug.value(space['used'])[4][1] is beside.Scale.TEN)"
    )
    assert shown.stdout == "70 40 True\n", shown.stderr


def test_a_package_that_workers_lack_is_one_line_that_names_it_and_the_worker(jug):
    jug.write(POOLS, "pools.py")
    jug.write("import yaml\nfrom jug import Task\nTask(yaml.dump, [1])\n")
    done = jug(*BACKEND)
    assert done.returncode == 1
    assert "cannot import the module yaml, which tasks need (ModuleNotFoundError: " in done.stderr
    assert ", process " in done.stderr
    assert "install there what this process uses" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_module_that_takes_long_to_import_is_said_and_one_that_never_ends_is_no_hang(
    jug_clean, monkeypatch, capsys
):
    monkeypatch.setattr(inquiry, "_ASKING", 1.0)
    monkeypatch.setattr(inquiry, "_IMPORTING", 2.0)
    monkeypatch.syspath_prepend(str(jug_clean))
    (jug_clean / "slow_to_import.py").write_text(
        "import multiprocessing, time\n"
        "if multiprocessing.parent_process() is not None:\n    time.sleep(60)\n"
        "def work(): pass\n"
    )
    import slow_to_import

    waiting = Coordinator(parse_backend("processes"), 1)
    waiting.open()
    try:
        with pytest.raises(UserError, match="the workers of the backend processes said nothing within 2 s"):
            waiting.prepare([slow_to_import.work])
        assert ") has been importing slow_to_import for 1 s" in capsys.readouterr().err
    finally:
        waiting.close()


def test_workers_that_cannot_begin_are_a_line_before_anything_is_tried(jug):
    jug.write("def begin():\n    raise RuntimeError('no licence')\n", "begin.py")
    jug.write(
        """
        import concurrent.futures, begin

        def build(n):
            return concurrent.futures.ProcessPoolExecutor(n, initializer=begin.begin)
        """,
        "pools.py",
    )
    jug.write("from jug import Task\nTask(abs, -1)\n")
    done = jug(*BACKEND)
    assert done.returncode == 1
    assert "the workers of the backend pools:build could not begin (BrokenProcessPool: " in done.stderr
    assert "1 tasks waiting" in jug("status", "--short").stdout


def test_an_object_that_makes_whatever_attribute_is_asked_for_is_no_hang(jug):
    """Such as `sqlalchemy.func`, in a jugfile or in a module beside it."""
    jug.write(POOLS, "pools.py")
    jug.write(
        """
        class Names:
            def __getattr__(self, name):
                if name.startswith("__"):
                    raise AttributeError(name)
                return Names()

            def __call__(self):
                return 1

        func = Names()
        """,
        "names.py",
    )
    jug.write(
        """
        from jug import TaskGenerator
        from names import func

        @TaskGenerator
        def f(x):
            return x

        f(1)
        """
    )
    for backend in ("processes", "pools:build"):
        done = jug(
            "execute", "--will-cite", "-n", "2", "--backend", backend, f"--jugdir={backend.partition(':')[0]}"
        )
        assert done.returncode == 0, done.stderr
