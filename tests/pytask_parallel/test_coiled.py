"""Functions of coiled, by what pytask and pytask-parallel use of that package, which needs a cloud."""

from __future__ import annotations

from pathlib import Path

import pytest

#: What a function of coiled is to those who use it: an object with these attributes, whose `submit` has the
#: function run on another machine. Here that is another process in another directory, which gets it pickled.
COILED = """
    import json, os, subprocess, sys, tempfile, threading
    from concurrent.futures import Future

    import cloudpickle

    RUN = (
        "import os, sys, cloudpickle; f, args, kwargs = cloudpickle.load(sys.stdin.buffer);"
        "result = cloudpickle.dumps(f(*args, **kwargs)); os.write(int(sys.argv[1]), result)"
    )

    class Function:
        def __init__(self, function, cluster_kwargs, keepalive, environ, local, name):
            self.function = function
            self._cluster_kwargs = cluster_kwargs
            self.keepalive = keepalive
            self._environ = environ
            self._local = local
            self._name = name

        def __call__(self, *args, **kwargs):
            raise AssertionError("it runs here")

        def submit(self, *args, **kwargs):
            future = Future()
            data = cloudpickle.dumps((self.function, args, kwargs))
            threading.Thread(target=self._run, args=(future, data), daemon=True).start()
            return future

        def _run(self, future, data):
            read, write = os.pipe()
            machine = tempfile.mkdtemp()
            with open(os.environ["MACHINES"], "a") as file:
                file.write(json.dumps([self._cluster_kwargs, self._environ, self._name]) + "\\n")
            process = subprocess.Popen(
                [sys.executable, "-c", RUN, str(write)],
                stdin=subprocess.PIPE, pass_fds=[write], cwd=machine,
                env={**os.environ, "PYTHONPATH": os.environ["PACKAGES"], **(self._environ or {})},
            )
            os.close(write)
            with process.stdin as stdin:
                stdin.write(data)
            with open(read, "rb") as file:
                result = file.read()
            if process.wait() or not result:
                future.set_exception(RuntimeError(f"the machine ended with {process.returncode}"))
            else:
                future.set_result(cloudpickle.loads(result))
"""

INIT = """
    import functools
    from .function import Function

    def function(**options):
        def wrap(f):
            there = Function(f, options, "1 minute", {"ON_MACHINE": "yes"}, False, f.__name__)
            return functools.wraps(f)(there)
        return wrap
"""

TASKS = """
import coiled
from pathlib import Path

Path("in.txt").write_text("given")

@coiled.function(cpu=4, region="mars")
def task_far(source=Path("in.txt"), path: Annotated[Path, Product] = Path("far.txt")):
    print("printed far away")
    path.write_text(f"{source.read_text()} {os.environ['ON_MACHINE']} {os.getcwd()} {path}")

@task
@coiled.function(cpu=8)
def task_returns() -> Annotated[str, Path("returned.txt")]:
    return "returned"

def task_here(source=Path("far.txt"), path: Annotated[Path, Product] = Path("here.txt")):
    path.write_text(str("ON_MACHINE" in os.environ))

@coiled.function(cpu=4, region="mars")
def task_fails(path: Annotated[Path, Product] = Path("never.txt")):
    print("before it fails")
    raise ValueError("wrong, far away")
"""


@pytest.fixture
def with_coiled(project, version, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The project, with something in the place of coiled, for each version of pytask."""
    packages = tmp_path / "packages"
    (packages / "coiled").mkdir(parents=True)
    project.put_first(packages)
    folder = project.folder
    project.folder = packages / "coiled"
    project.write("__init__.py", INIT)
    project.write("function.py", COILED)
    project.folder = folder
    monkeypatch.setenv("MACHINES", str(tmp_path / "machines"))
    _, environment = project.command()
    monkeypatch.setenv("PACKAGES", environment["PYTHONPATH"])
    return project


@pytest.mark.parametrize("backend", ["loky", "threads", "jug"])
def test_functions_of_coiled_run_there_with_their_files_and_others_on_the_backend(
    with_coiled, tmp_path, backend
):
    """In pytask-parallel 0.5.5 what a failing task printed may be shown with another one."""
    project = with_coiled
    project.tasks(TASKS)
    done = project.run("-n", "2", "--parallel-backend", backend)
    wanted = {"task_far": ".", "task_returns": ".", "task_here": ".", "task_fails": "F"}
    assert done.outcomes == wanted, done.out
    given, is_there, cwd, path = (project.folder / "far.txt").read_text().split()
    assert (given, is_there) == ("given", "yes")
    assert str(project.folder) not in (cwd, str(Path(path).parent))
    assert (project.folder / "returned.txt").read_text() == "returned"
    assert (project.folder / "here.txt").read_text() == "False"
    report = done.report("task_fails")
    assert "wrong, far away" in report
    assert "before it fails" in report
    assert "printed far away" not in report
    machines = (tmp_path / "machines").read_text()
    assert '"cpu": 4, "region": "mars"' in machines
    assert '"cpu": 8' in machines
    again = project.run("-n", "2", "--parallel-backend", backend)
    assert again.outcomes == {"task_fails": "F"}, again.out


def test_limits_of_functions_of_coiled_are_refused_as_nothing_can_hold_them(with_coiled):
    with_coiled.tasks(
        """
        import coiled

        @pytask.mark.timeout(60)
        @task
        @coiled.function(cpu=4)
        def task_far() -> Annotated[str, Path("out.txt")]:
            return "done"
        """
    )
    done = with_coiled.run("-n", "2")
    assert done.status == 1
    assert "the parallel backend 'coiled' cannot end a task that takes too long" in " ".join(done.out.split())


def test_a_cloud_that_fails_is_one_line(with_coiled):
    with_coiled.tasks(
        """
        import coiled

        @coiled.function(cpu=4)
        def task_far(path: Annotated[Path, Product] = Path("far.txt")):
            os._exit(3)
        """
    )
    done = with_coiled.run("-n", "2")
    assert done.status == 1
    said = "Error: the backend coiled could not run tasks: RuntimeError: the machine ended with 3"
    assert said in " ".join(done.out.split())
