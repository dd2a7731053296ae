"""How workers begin: as fresh interpreters, or forked from one that has made their imports."""

from __future__ import annotations

import json

import pytest

from .forked import BARRIERS, EXECUTE, FORKED, NOTED, imports


def test_imports_are_paid_once_a_worker_and_not_once_a_barrier(jug, installed):
    installed(heavy=NOTED)
    jug.write(BARRIERS)
    done = jug(*EXECUTE, "-n", "4")
    assert (done.returncode, done.stderr) == (0, "")
    assert imports(jug) == {"heavy": 4}


def test_workers_that_are_forked_do_not_pay_them_nor_do_those_that_take_their_place(jug, installed, left):
    installed(heavy=NOTED)
    jug.write(BARRIERS)
    done = jug(*FORKED, "-n", "4", "--max-tasks-per-worker=3")
    assert (done.returncode, done.stderr) == (0, "")
    assert "40           0  Total" in done.stdout
    assert imports(jug) == {"heavy": 1}
    assert left() == []


def test_a_jugrc_can_choose_it(jug, installed):
    installed(heavy=NOTED)
    jug.write(BARRIERS)
    (jug.folder / ".config").mkdir()
    (jug.folder / ".config" / "jugrc").write_text("[execute]\nstart_method = forkserver\nn_workers = 2\n")
    assert jug(*EXECUTE).returncode == 0
    assert imports(jug) == {"heavy": 1}


def test_modules_of_the_users_own_are_imported_by_each_worker_unless_they_are_named(jug, installed):
    installed(heavy=NOTED)
    jug.write(NOTED + "\n    import heavy\n", "own.py")
    jug.write(BARRIERS.replace("import heavy", "import own"))
    assert jug(*FORKED, "-n", "2").returncode == 0
    assert imports(jug) == {"heavy": 1, "own": 2}
    (jug.folder / "imports").unlink()
    done = jug(*FORKED, "-n", "2", "--preload=own", "--jugdir=other")
    assert (done.returncode, done.stderr) == (0, "")
    assert imports(jug) == {"heavy": 1, "own": 1}


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_workers_draw_different_random_numbers(jug, method):
    pytest.importorskip("numpy")
    jug.write(
        """
        import random, time
        import numpy.random
        from jug import TaskGenerator

        drawn = False

        @TaskGenerator
        def draw(i):
            global drawn
            if drawn:
                return None
            drawn = True
            return random.random(), float(numpy.random.random())

        draws = [draw(i) for i in range(6)]
        """
    )
    assert jug(*EXECUTE, f"--start-method={method}", "-n", "2", "--max-tasks-per-worker=1").returncode == 0
    done = jug.python(
        "import jug, json; jug.init('jugfile.py', 'jugfile.jugdata'); "
        "import jugfile; print(json.dumps(jug.value(jugfile.draws)))"
    )
    draws = json.loads(done.stdout)
    assert len({draw[0] for draw in draws}) == len({draw[1] for draw in draws}) == 6


@pytest.mark.parametrize(
    ("module", "why"),
    [
        (
            "import threading, time; threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()",
            "1 thread runs after the imports (heavy), and would be missing in a fork",
        ),
        (
            "import subprocess; process = subprocess.Popen(['sleep', '1'])",
            "a process was started by an import, and forks would share it",
        ),
        ("import os; os.abort() if 'forked' not in os.environ else None", "it was killed by SIGABRT"),
        ("import os; os._exit(3) if 'forked' not in os.environ else None", "it ended with status 3"),
    ],
)
def test_workers_are_spawned_where_none_can_be_forked_and_a_line_says_why(jug, installed, left, module, why):
    installed(heavy=module)
    jug.write("    import os; os.environ['forked'] = ''\n" + BARRIERS)
    done = jug(*FORKED, "--preload=heavy", "-n", "2")
    assert done.returncode == 0
    assert done.stderr == f"jug: warning: workers are spawned, as none can be forked: {why}\n"
    assert "40           0  Total" in done.stdout
    assert left() == []


def test_a_wrong_import_is_told_by_the_worker(jug):
    jug.write("    import no_such_module\n    from jug import TaskGenerator\n")
    done = jug(*FORKED, "-n", "2")
    assert done.returncode == 1
    assert "ModuleNotFoundError: No module named 'no_such_module'" in done.stderr
    assert "forked" not in done.stderr
    jug.write("    import json\n    this = = wrong\n")
    done = jug(*FORKED, "-n", "2")
    assert done.returncode == 1
    assert "SyntaxError" in done.stderr
    assert "forked" not in done.stderr


def test_what_imports_print_is_shown_once(jug, installed):
    installed(heavy="print('loud')")
    jug.write(BARRIERS)
    done = jug(*FORKED, "-n", "2")
    assert done.stdout.count("loud") == 1
    assert "\nloud" in f"\n{done.stdout}"


def test_tasks_of_a_script_can_be_run_by_forked_workers(jug, installed, left):
    pytest.importorskip("cloudpickle")
    installed(heavy=NOTED)
    done = jug.python(
        """
        import jug
        from jug import TaskGenerator

        jug.set_jugdir("jugdata")

        @TaskGenerator
        def work(i):
            import heavy
            return i

        tasks = [work(i) for i in range(8)]
        how = {"start_method": "forkserver", "preload": ["heavy"], "max_tasks_per_worker": 2}
        print(jug.execute(n_workers=2, **how), jug.value(tasks))
        """
    )
    assert done.stderr == ""
    assert done.stdout == f"ExecutionSummary(executed=8, loaded=0, failed=0) {list(range(8))}\n"
    assert imports(jug) == {"heavy": 1}
    assert left() == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("-n", "2", "--start-method=fork"), "invalid choice: 'fork'"),
        (("--start-method=forkserver",), "--start-method is for workers that -n starts"),
        (("-n", "2", "--preload=numpy"), "--preload needs --start-method=forkserver"),
        (
            ("-n", "2", "--start-method=forkserver", "--preload=a b"),
            "--preload must be the names of modules (a,b.c), not 'a b'",
        ),
    ],
)
def test_wrong_usage_is_status_2(jug, options, said):
    jug.write(BARRIERS)
    done = jug(*EXECUTE, *options)
    assert done.returncode == 2
    assert said in done.stderr


def test_a_wrong_start_method_in_a_jugrc_is_status_2(jug):
    jug.write(BARRIERS)
    (jug.folder / ".config").mkdir()
    (jug.folder / ".config" / "jugrc").write_text("[execute]\nstart_method = fork\nn_workers = 2\n")
    done = jug(*EXECUTE)
    assert done.returncode == 2
    assert "--start-method must be one of spawn, forkserver, not 'fork'" in done.stderr


@pytest.mark.parametrize(
    ("module", "source", "why"),
    [
        ("nunpy", None, "ModuleNotFoundError: No module named 'nunpy'"),
        ("heavy.inner", "", "ModuleNotFoundError: No module named 'heavy.inner'; 'heavy' is not a package"),
        ("broken", "raise ValueError('not today')", "ValueError: not today"),
    ],
)
def test_a_module_to_preload_that_cannot_be_imported_is_an_error_before_any_worker_starts(
    jug, installed, left, module, source, why
):
    installed(heavy="")
    jug.write(BARRIERS)
    if source:
        jug.write(source, f"{module}.py")
    done = jug(*FORKED, "-n", "2", f"--preload=json,{module}", "--log=log")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"jug: error: cannot preload the module {module}: {why}; correct its name or the module, or do not "
        "preload it\n"
    )
    assert (jug.folder / "log").read_text() == ""
    assert left() == []


def test_a_script_gets_that_as_an_exception(jug):
    pytest.importorskip("cloudpickle")
    done = jug.python(
        """
        import jug

        jug.set_jugdir("jugdata")
        jug.Task(abs, -1)
        try:
            jug.execute(n_workers=1, start_method="forkserver", preload=["nunpy"])
        except jug.errors.UserError as error:
            print(error)
        """
    )
    assert done.stdout.startswith("cannot preload the module nunpy: ModuleNotFoundError: ")
    assert done.stderr == ""


@pytest.mark.parametrize("statement", ["import own.part", "if True:\n        from own import part"])
def test_workers_say_what_is_wrong_with_a_module_that_the_jugfile_imports_as_well(jug, statement):
    (jug.folder / "own").mkdir()
    jug.write("", "own/__init__.py")
    jug.write("raise ValueError('not today')", "own/part.py")
    jug.write(f"    {statement}\n")
    done = jug(*FORKED, "-n", "2", "--preload=own.part")
    assert done.returncode == 1
    assert "warning: workers are spawned, as none can be forked: ValueError: not today" in done.stderr
    assert "cannot preload" not in done.stderr
    assert "own/part.py" in done.stderr
