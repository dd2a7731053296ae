"""The options, the configuration and the registry, side by side with those of pytask-parallel 0.5.5."""

import os
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

TASKS = """
    def task_first(path: Annotated[Path, Product] = Path("first.txt")):
        path.write_text("1")

    def task_second(first=Path("first.txt"), path: Annotated[Path, Product] = Path("second.txt")):
        path.write_text(first.read_text())

    @pytask.mark.skip
    def task_skipped():
        raise AssertionError

    @pytask.mark.persist
    def task_persists(path: Annotated[Path, Product] = Path("kept.txt")):
        path.write_text("")

    def task_fails():
        raise ValueError("no")
"""

GOOD = """
    for i in range(3):
        @task(id=str(i))
        def task_good(i=i, path: Annotated[Path, Product] = Path(f"out{i}.txt")):
            path.write_text("")
"""

CUSTOM = """
    from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
    from pytask_parallel import ParallelBackend, WorkerType, registry

    def build(n_workers):
        print("builds", n_workers)
        return {executor}(max_workers=n_workers)

    registry.register_parallel_backend({arguments})
"""

#: What is run: tasks, configuration, arguments.
CASES = [
    *[(TASKS, "", arguments.split()) for arguments in (
        "", "-n 1", "-n 2", "--n-workers 2", "--n-workers=2", "-n2",
        "-n 1 --parallel-backend threads", "-n 2 --parallel-backend threads",
        "-n 2 --parallel-backend processes", "-n 2 --parallel-backend loky",
        "-n 2 --parallel-backend none", "--parallel-backend none", "--parallel-backend loky",
        "-n 2 --parallel-backend nothing", "-n 2 --parallel-backend", "-n",
        "-n two", "-n 1.5", "-n 2 --dry-run",
        "-n 2 --show-errors-immediately", "-n 2 -k first", "-n 2 -m persist",
        "-n 2 --show-traceback no",
        "-n 2 --capture no", "-n 2 --capture sys", "-n 2 --show-capture stdout",
        "-n 2 --show-locals", "-n 2 -v 2",
        "-n 2 -v 0", "-n 2 --force", "-n 2 --no-such-option", "collect -n 2", "-n 2 --disable-warnings",
    )],
    *[(GOOD, configuration, arguments.split()) for configuration, arguments in (
        ("n_workers = 1", ""), ("n_workers = 2", ""), ("n_workers = 2", "-n 1"),
        ('parallel_backend = "threads"', ""), ('parallel_backend = "threads"\nn_workers = 2', ""),
        ('parallel_backend = "processes"\nn_workers = 2', ""),
        ('parallel_backend = "none"\nn_workers = 2', ""),
        ('parallel_backend = "nothing"', ""), ('parallel_backend = "nothing"\nn_workers = 2', ""),
        ('parallel_backend = "threads"', "--parallel-backend processes"), ("parallel_backend = 1", ""),
        ('parallel_backend = "custom"', ""), ("", "--parallel-backend custom"),
    )],
    *[(CUSTOM.format(executor=made, arguments=wanted) + GOOD, "", f"-n 2 --parallel-backend {kind}".split())
      for kind, made, wanted in (
        ("custom", "ThreadPoolExecutor", 'ParallelBackend.CUSTOM, build, worker_type="threads"'),
        ("custom", "ThreadPoolExecutor", "ParallelBackend.CUSTOM, build, worker_type=WorkerType.THREADS"),
        ("custom", "ThreadPoolExecutor", "kind=ParallelBackend.CUSTOM, builder=build"),
        ("custom", "ThreadPoolExecutor", 'ParallelBackend.CUSTOM, build, worker_type="fibres"'),
        ("custom", "1 / 0 or ThreadPoolExecutor", "ParallelBackend.CUSTOM, build"),
        ("custom", "ThreadPoolExecutor", "ParallelBackend.CUSTOM, build, remote=True"),
        ("threads", "ThreadPoolExecutor", 'ParallelBackend.THREADS, build, worker_type="threads"'),
    )],
]  # fmt: skip

_MESSAGES = re.compile(
    r"^(?:Starting \d+ workers\.|Usage: .*|Could not instantiate .*|No registered .*|.*Invalid value for .*)$"
)


def facts(done):
    """What users and scripts see of a run."""
    plain = [line.replace("ValueError: ", "") for line in done.out.split("\n")]
    # A line of a traceback may look like one of it.
    _, title, end = done.out.rpartition(" Summary ")
    summary = sorted(re.findall(r"^│ +(\d+) +(\w[\w ]*?) {2,}.*│$", end, re.M)) if title else []
    messages = [line for line in plain if _MESSAGES.match(line)]
    # There is one more backend here.
    messages = [re.sub(r"dask(\W+)jug\W+", r"dask\1", line) for line in messages]
    # What is right there is said in other words.
    messages = [re.sub(r"(for '-n' / '--n-workers': ).*", r"\1", line) for line in messages]
    return done.status, done.outcomes, summary, messages


@pytest.mark.parametrize(("tasks", "configuration", "arguments"), CASES)
def test_it_behaves_as_in_pytask_parallel(project, tasks, configuration, arguments):
    project.configure(configuration)
    project.tasks(tasks)
    other = project.copy()
    with ThreadPoolExecutor(2) as threads:
        there = threads.submit(other.run, *arguments, reference=True)
        here = project.run(*arguments)
    assert facts(here) == facts(there.result())


def test_n_auto_works_on_the_command_line_and_in_the_configuration(project):
    """pytask-parallel 0.5.5 refuses what its documentation shows."""
    project.tasks(GOOD)
    assert project.run("-n", "auto", reference=True).status == 2
    for configuration, arguments in (("", ("-n", "auto")), ('n_workers = "auto"', ())):
        project.configure(configuration)
        project.forget()
        done = project.run(*arguments, "--parallel-backend", "threads")
        assert (done.status, len(done.outcomes)) == (0, 3)
        assert f"Starting {max((os.cpu_count() or 1) - 1, 1)} workers." in done.out


@pytest.mark.parametrize("value", ["0", "-1"])
def test_fewer_than_one_worker_is_wrong_usage(project, value):
    """pytask-parallel 0.5.5 takes it, and then runs in sequence, or fails with an error of the executor."""
    project.tasks(GOOD)
    done = project.run("-n", value)
    assert done.status == 2
    assert f"must be 'auto' or a number from 1 on, not '{value}'" in " ".join(
        re.sub("[│\n]", " ", done.out).split()
    )
    project.configure(f"n_workers = {value}")
    done = project.run()
    assert done.status == 2 or "n_workers must be 'auto' or a number from 1 on" in done.out


@pytest.mark.parametrize(
    ("registered", "said"),
    [
        (CUSTOM.format(executor="dict", arguments="ParallelBackend.CUSTOM, build"), "of the class dict."),
        (
            CUSTOM.format(executor="1 / 0 or dict", arguments="ParallelBackend.CUSTOM, build"),
            "ZeroDivisionError: division by zero",
        ),
        (
            CUSTOM.format(executor="exit('no licence') or dict", arguments="ParallelBackend.CUSTOM, build"),
            "SystemExit: no licence",
        ),
        (
            CUSTOM.format(
                executor="__import__('concurrent.futures').futures.ProcessPoolExecutor",
                arguments="ParallelBackend.CUSTOM, build, worker_type='threads'",
            ),
            "the workers of its ProcessPoolExecutor are processes.",
        ),
        ("", "No registered parallel backend found for kind 'custom'."),
    ],
)
def test_what_gives_no_executor_is_shown_in_few_lines_with_what_to_do(project, version, registered, said):
    """And with its own lines, but none of this package, of which pytask would show all variables."""
    project.tasks(registered + GOOD.replace("range(3)", "range(100)"))
    done = project.run("-n", "2", "--parallel-backend", "custom")
    assert done.status == 1
    out = " ".join(done.out.split())
    assert said in out
    assert "or choose another --parallel-backend." in out
    assert "pytask_parallel/" not in out
    assert len(done.out.split("\n")) < 40


@pytest.mark.parametrize("parallel", [(), ("-n", "2")])
def test_configured_paths_win_over_those_of_the_command_line_as_in_sequence(project, parallel):
    """With pytask 0.6.0: findings/pytask-configured-paths-win.sh."""
    project.tasks("def task_one():\n    pass\n")
    project.tasks("def task_two():\n    pass\n", "task_other.py")
    for configured, names in (('paths = ["."]', {"task_one", "task_two"}), ("", {"task_two"})):
        project.configure(configured)
        assert {*project.run(*parallel, "--force", "task_other.py").outcomes} == names


def test_a_hook_module_registers_a_backend_for_its_session(project):
    """As in pytask-parallel 0.5.5, which forgets it after the session, too."""
    registers = CUSTOM.format(
        executor="ThreadPoolExecutor", arguments='ParallelBackend.CUSTOM, build, worker_type="threads"'
    )
    project.write("hooks.py", registers)
    project.tasks(GOOD)
    arguments = ("-n", "2", "--parallel-backend", "custom", "--hook-module", "hooks.py")
    for reference in (False, True):
        project.forget()
        done = project.run(*arguments, reference=reference)
        assert done.status == 0, done.out
        assert "builds 2" in done.out
    project.write("task_registers.py", registers)
    done = project.script(
        """
        from pathlib import Path
        import pytask
        from pytask_parallel import ParallelBackend, registry

        session = pytask.build(paths=Path(), n_workers=2, parallel_backend="custom")
        print("exit code", int(session.exit_code), ParallelBackend.CUSTOM in registry.registry)
        """
    )
    assert "exit code 0 False" in done.stdout, done.stdout + done.stderr


def test_the_cluster_of_the_current_client_is_used_and_a_number_that_differs_is_warned_of(project):
    """As in pytask-parallel 0.5.5."""
    project.tasks(
        """
        def task_says(path: Annotated[Path, Product] = Path("address.txt")):
            from distributed import get_worker
            path.write_text(get_worker().scheduler.address)
        """
    )
    done = project.script(
        """
        from pathlib import Path
        import pytask
        from distributed import Client, LocalCluster

        if __name__ == "__main__":
            with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster:
                with Client(cluster) as client:
                    session = pytask.build(paths=Path(), n_workers=2, parallel_backend="dask")
                    print("exit code", int(session.exit_code))
                    print("same", Path("address.txt").read_text() == client.scheduler.address)
        """
    )
    assert "exit code 0" in done.stdout, done.stdout + done.stderr
    assert "same True" in done.stdout
    assert "The number of workers in the dask cluster (1) does not match" in done.stdout + done.stderr


def test_files_go_to_remote_workers_and_come_back(project):
    project.tasks(
        CUSTOM.format(executor="ThreadPoolExecutor", arguments="ParallelBackend.CUSTOM, build, remote=True")
        + """
    Path("in.txt").write_text("given")

    def task_copies(source=Path("in.txt"), path: Annotated[Path, Product] = Path("out.txt")):
        assert source.name.endswith("in.txt") and path.name.endswith("out.txt")
        assert source.parent == path.parent != Path("out.txt").absolute().parent
        path.write_text(source.read_text() + " back")

    def task_returns() -> Annotated[str, Path("returned.txt")]:
        return "returned"

    node = pytask.PythonNode(name="node")

    def task_gives() -> Annotated[list[int], node]:
        return [1, 2]

    def task_takes(given: Annotated[list[int], node], path: Annotated[Path, Product] = Path("taken.txt")):
        path.write_text(str(given))
"""
    )
    done = project.run("-n", "2", "--parallel-backend", "custom")
    assert done.status == 0, done.out
    assert (project.folder / "taken.txt").read_text() == "[1, 2]"
    assert (project.folder / "out.txt").read_text() == "given back"
    assert (project.folder / "returned.txt").read_text() == "returned"


def test_a_script_and_a_notebook_run_it_by_pytask_build(project):
    project.tasks(GOOD)
    done = project.script(
        """
        from pathlib import Path
        from typing import Annotated
        import pytask
        from pytask_parallel import ParallelBackend

        def show(session):
            print("exit code", int(session.exit_code), len(session.execution_reports))

        def task_here(path: Annotated[Path, pytask.Product] = Path("here.txt").absolute()):
            path.write_text("here")

        if __name__ == "__main__":
            show(pytask.build(paths=Path(), n_workers=2, parallel_backend=ParallelBackend.PROCESSES))
            show(pytask.build(tasks=[task_here], n_workers=2))
        """
    )
    assert re.findall(r"exit code (\d+) (\d+)", done.stdout) == [("0", "3"), ("0", "1")], (
        done.stdout + done.stderr
    )
    assert (project.folder / "here.txt").read_text() == "here"


def test_where_the_original_is_installed_too_it_says_which_one_is_in_use(project, tmp_path):
    info = tmp_path / "other" / "pytask_parallel-0.5.5.dist-info"
    info.mkdir(parents=True)
    info.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: pytask-parallel\nVersion: 0.5.5\n")
    project.tasks(GOOD)
    project.put_last(info.parent)
    said = (
        "pytask_parallel is that of jug-rs-pytask; pytask-parallel 0.5.5 is installed as well and not in use."
    )
    assert " ".join(project.run("-n", "1").out.split()).count(said) == 1


def test_a_package_that_is_missing_is_one_line_that_says_what_to_install(project, tmp_path):
    lacking = tmp_path / "lacking"
    lacking.mkdir()
    lacking.joinpath("loky.py").write_text("raise ImportError('no module named loky')\n")
    project.put_first(lacking)
    project.tasks(GOOD)
    done = project.run("-n", "2")
    assert done.status == 1
    said = "Error: --backend loky needs the package loky: pip install loky (or this package with its extra"
    assert said in " ".join(done.out.split())
    assert "Traceback" not in done.out


def test_a_module_that_workers_lack_is_named(project):
    project.tasks(
        CUSTOM.format(executor="begun", arguments="ParallelBackend.CUSTOM, build")
        + """
    import multiprocessing
    import yaml

    def forget():
        sys.modules["yaml"] = None

    def begun(max_workers):
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(max_workers, mp_context=context, initializer=forget)

    def task_reads(loads=yaml.safe_load, path: Annotated[Path, Product] = Path("out.txt")):
        path.write_text(loads("a"))
"""
    )
    done = project.run("-n", "2", "--parallel-backend", "custom")
    assert done.outcomes == {"task_reads": "F"}
    said = "ModuleNotFoundError: import of yaml halted; None in sys.modules"
    assert said in done.report("task_reads").split("\n")
    assert "CallFailed" not in done.out
