"""Results that were made by other code than that of today: what is said, made again and accepted."""

import json
import subprocess
import sys

import pytest

EXECUTE = ("execute", "--will-cite")

JOBS = """
    from jug import TaskGenerator
    import helper

    @TaskGenerator
    def scaled(n):
        return helper.by_factor(n)

    @TaskGenerator
    def number(n):
        return n

    @TaskGenerator
    def total(numbers):
        return sum(numbers)

    sums = total([scaled(number(n)) for n in range(3)])
"""
HELPER = """
    FACTOR = {factor}

    def by_factor(n):
        return n * FACTOR
"""


@pytest.fixture
def project(jug):
    jug.write(JOBS)
    jug.write(HELPER.format(factor=2), name="helper.py")
    assert jug(*EXECUTE).returncode == 0
    return jug


def edit(jug, factor=3):
    jug.write(HELPER.format(factor=factor), name="helper.py")


def result(jug, name="sums"):
    code = f"import jug; _, space = jug.init('jugfile.py', 'jugfile.jugdata'); print(space['{name}'].value())"
    command = [sys.executable, "-c", code]
    return subprocess.run(
        command, cwd=jug.folder, env=jug.env(), capture_output=True, text=True, check=True
    ).stdout.strip()


SAID = "were made by other code than that of today; 'jug status --code' shows what has changed"


def test_status_says_in_a_line_how_many_results_other_code_made(project):
    assert SAID not in project("status").stderr
    edit(project)
    status = project("status")
    assert (status.returncode, status.stderr) == (0, f"jug: 3 results {SAID}\n")


def test_executing_ignores_it_unless_somebody_says_otherwise(project):
    edit(project)
    done = project(*EXECUTE, "--short")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Executed:  0 tasks" in done.stdout
    assert result(project) == "6"


def test_what_changed_is_shown_as_it_was_written(project):
    edit(project)
    assert project("status", "--code").stdout.splitlines()[1:] == [
        "  helper.FACTOR has changed",
        "    @@ -1 +1 @@",
        "    -FACTOR = 2",
        "    +FACTOR = 3",
    ]


def test_they_are_made_again_with_all_that_depends_on_them(project):
    edit(project)
    done = project(*EXECUTE, "--rerun-changed", "--short")
    assert "removed 4 results that were made by other code (3 of jugfile.scaled) or of such" in done.stderr
    assert "Executed:  4 tasks" in done.stdout
    assert result(project) == "9"
    assert "Executed:  0 tasks" in project(*EXECUTE, "--rerun-changed", "--short").stdout


def test_several_workers_make_them_again_once_each(project):
    edit(project)
    assert project(*EXECUTE, "--rerun-changed", "-n", "2").returncode == 0
    assert result(project) == "9"
    assert "other code" not in project("status").stderr


def test_what_is_accepted_stays_and_counts_as_made_by_the_code_of_today(project):
    edit(project)
    assert "3  jugfile.scaled" in project("accept").stdout
    assert project("status").stderr == ""
    assert "Executed:  0 tasks" in project(*EXECUTE, "--rerun-changed", "--short").stdout
    assert result(project) == "6"
    edit(project, factor=4)
    assert project("status").stderr == f"jug: 3 results {SAID}\n"


def test_only_results_of_the_selected_names_are_accepted(project):
    edit(project)
    text = (project.folder / "jugfile.py").read_text()
    (project.folder / "jugfile.py").write_text(text.replace("return n\n", "return n + 0\n"))
    assert project("status").stderr == f"jug: 6 results {SAID}\n"
    accepted = project("accept", "--name", "number").stdout
    assert "3  jugfile.number" in accepted
    assert "scaled" not in accepted
    assert project("status").stderr == f"jug: 3 results {SAID}\n"


def test_accepted_results_outlive_packing(project):
    edit(project)
    assert project("accept").returncode == 0
    assert project("pack", "--force").returncode == 0
    assert project("status").stderr == ""
    edit(project, factor=4)
    assert "    -FACTOR = 2" in project("status", "--code").stdout.splitlines()


def test_a_task_with_a_version_is_told_apart_by_that_alone(project):
    text = (project.folder / "jugfile.py").read_text().replace("@TaskGenerator", "@TaskGenerator(version=1)")
    (project.folder / "jugfile.py").write_text(text)
    assert project("invalidate", "--pattern", ".").returncode == 0
    assert project(*EXECUTE).returncode == 0
    edit(project)
    assert project("status").stderr == ""
    (project.folder / "jugfile.py").write_text(text.replace("version=1", "version='1b'"))
    assert project("status").stderr == f"jug: 7 results {SAID}\n"


def test_a_version_that_another_function_has_is_another_code(jug):
    text = """
        from jug import TaskGenerator

        @TaskGenerator(version={})
        def first(n):
            return n

        @TaskGenerator(version={})
        def second(n):
            return n

        first(1)
        {}
    """
    jug.write(text.format(1, 1, ""))
    assert jug(*EXECUTE).returncode == 0
    jug.write(text.format(2, 1, "second(1)"))
    assert jug("status").stderr == f"jug: 1 result {SAID.replace('were', 'was')}\n"


def test_a_version_that_cannot_be_noted_is_an_error_of_the_jugfile(jug):
    jug.write(JOBS.replace("@TaskGenerator", "@TaskGenerator(version=1.5)"))
    jug.write(HELPER.format(factor=2), name="helper.py")
    failed = jug("status")
    assert failed.returncode == 1
    assert "version of the task generator scaled is a number or a text, not 1.5" in failed.stderr


@pytest.mark.parametrize(
    ("mode", "executed", "says"), [("ignore", 0, False), ("warn", 0, True), ("rerun", 4, True)]
)
def test_a_configuration_file_says_what_is_done_about_it(project, mode, executed, says):
    edit(project)
    (project.folder / ".jugrc").write_text(f"[main]\non-code-change = {mode}\n")
    status = project("status").stderr
    done = project(*EXECUTE, "--short")
    assert f"Executed:  {executed} tasks" in done.stdout
    assert ("made by other code" in done.stderr) == says
    assert ("made by other code" in status) == (mode != "ignore")


def test_a_barrier_is_met_with_new_results_only(jug):
    jug.write(
        """
        from jug import TaskGenerator, barrier, value
        import helper

        @TaskGenerator
        def scaled(n):
            return helper.by_factor(n)

        @TaskGenerator
        def twice(n):
            return 2 * n

        first = scaled(1)
        barrier()
        sums = twice(value(first))
        """
    )
    jug.write(HELPER.format(factor=2), name="helper.py")
    assert jug(*EXECUTE).returncode == 0
    assert result(jug) == "4"
    edit(jug)
    assert jug(*EXECUTE, "--rerun-changed").returncode == 0
    assert result(jug) == "6"


def test_modules_that_are_named_are_watched_wherever_they_are(project, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "far.py").write_text("FACTOR = 2\n")
    project.write("from far import FACTOR\n\ndef by_factor(n):\n    return n * FACTOR\n", name="helper.py")
    env = {"PYTHONPATH": str(elsewhere)}
    watched = ("--watch-code", "far")
    assert project("invalidate", "--pattern", ".", env=env).returncode == 0
    assert project(*EXECUTE, *watched, env=env).returncode == 0
    (elsewhere / "far.py").write_text("FACTOR = 3\n")
    assert "3 results were made by other code" in project("status", *watched, env=env).stderr


def test_what_cannot_be_followed_is_named(project):
    project.write(
        "def by_factor(n):\n    return getattr(n, '__' + 'mul__')(eval('2'))\n",
        name="helper.py",
    )
    said = project("status", "--code").stdout
    assert "not watched: helper.by_factor uses eval, and what it evaluates is not followed" in said
    assert "not watched: helper.by_factor uses getattr, and the attribute that it asks for is not" in said


def test_results_of_unknown_code_are_none_of_other_code(jug):
    jug.write("from jug import Task\nimport math\nroots = [Task(math.sqrt, n) for n in range(3)]\n")
    assert jug(*EXECUTE).returncode == 0
    assert jug("status").stderr == ""
    said = jug("status", "--code")
    assert said.stdout.splitlines() == [
        "No result was made by other code than that of today, as far as it is known.",
        "not watched: math.sqrt has no source in a module of yours",
    ]


def test_a_module_that_is_changed_while_a_worker_runs_is_not_taken_for_what_ran(jug):
    jug.write(HELPER.format(factor=2), name="helper.py")
    jug.write(
        """
        from jug import TaskGenerator
        import helper

        # The worker has the module as it was.
        with open("helper.py", "a") as file:
            file.write("\\nFACTOR = 5\\n")

        @TaskGenerator
        def scaled(n):
            return helper.by_factor(n)

        sums = scaled(1)
        """
    )
    assert jug(*EXECUTE).returncode == 0
    assert result(jug) == "2"
    said = jug("status", "--code").stdout.splitlines()
    assert said[0] == "No result was made by other code than that of today, as far as it is known."
    assert said[1].startswith("not watched: module helper was changed while this process ran (")


def test_what_is_kept_of_code_is_no_result(project):
    assert project("fsck").returncode == 0
    assert project("cleanup").returncode == 0
    assert json.loads(project("status", "--json").stdout)["total"]["complete"] == 7


COUNTED = """
    import atexit, sys
    from jug.jug import main
    atexit.register(lambda: print("computed:", "jug.fingerprint" in sys.modules))
    main(["jug", "execute", "--will-cite", "--short"])
"""


def test_where_all_is_done_no_fingerprint_is_computed(project):
    project.write(COUNTED, name="counted.py")
    command = [sys.executable, "counted.py"]
    for is_new in (False, True):
        if is_new:
            assert project("invalidate", "--name", "total").returncode == 0
        said = subprocess.run(command, cwd=project.folder, env=project.env(), capture_output=True, text=True)
        assert said.stdout.splitlines()[-1] == f"computed: {is_new}"
