"""Tasks of pytask in pools: values, files, dependencies, what is unchanged, the order, and what is shown."""

import itertools
import re
import statistics

import pytest

#: The backends whose workers are processes of this machine.
PROCESSES = ["loky", "processes", "jug"]

KINDS = """
    for i in range(3):
        @task(id=str(i))
        def task_file(i=i, path: Annotated[Path, Product] = Path(f"out/{i}.txt")):
            path.write_text(str(i))

    def task_after(a=Path("out/1.txt"), path: Annotated[Path, Product] = Path("after.txt")):
        path.write_text(a.read_text() + "!")

    value = pytask.PythonNode(name="value")

    def task_returns() -> Annotated[dict[str, Any], value]:
        return {"pid": os.getpid(), "list": [1, 2]}

    def task_takes(value: Annotated[dict[str, Any], value], path: Annotated[Path, Product] = Path("pid.txt")):
        path.write_text(f"{value['pid']} {os.getppid()} {value['list']}")

    def task_two(
        paths: Annotated[Any, Product] = (Path("one.txt"), Path("two.txt"))
    ) -> Annotated[Any, (Path("left.txt"), Path("right.txt"))]:
        paths[0].write_text("1")
        paths[1].write_text("2")
        return "left", "right"
"""


@pytest.mark.parametrize("backend", ["loky", "processes", "jug", "threads", "dask"])
def test_tasks_run_with_their_values_and_files_and_not_again(project, version, backend):
    project.tasks(KINDS)
    done = project.run("-n", "2", "--parallel-backend", backend)
    assert (done.status, set(done.outcomes.values())) == (0, {"."}), done.out
    assert "Starting 2 workers." in done.out
    read = {path.name: path.read_text() for path in project.folder.rglob("*.txt")}
    _pid, _, rest = read.pop("pid.txt").partition(" ")
    assert rest.endswith("[1, 2]")
    assert read == {
        **{f"{i}.txt": str(i) for i in range(3)},
        "after.txt": "1!",
        "one.txt": "1",
        "two.txt": "2",
        "left.txt": "left",
        "right.txt": "right",
    }
    again = project.run("-n", "2", "--parallel-backend", backend)
    # What nobody stores is computed again, and so is what depends on it.
    unchanged = {name: outcome for name, outcome in again.outcomes.items() if name not in _OF_VALUES}
    assert (again.status, set(unchanged.values())) in ((0, {"s"}), (0, set())), again.out


_OF_VALUES = {"task_returns", "task_takes"}


def test_n_2_is_loky_and_a_task_of_which_another_one_needs_nothing_goes_on(project):
    project.tasks(
        """
        def task_bad(path: Annotated[Path, Product] = Path("bad.txt")):
            raise ValueError("no")

        def task_after_bad(path=Path("bad.txt")):
            pass

        def task_good():
            import multiprocessing
            kinds = type(multiprocessing.current_process()).__mro__
            assert any(kind.__module__.startswith("loky") for kind in kinds)
        """
    )
    done = project.run("-n", "2")
    assert (done.status, done.outcomes) == (1, {"task_bad": "F", "task_good": "."}), done.out
    assert re.search(r"│ +1 +Skipped because previous failed", done.out)


def test_what_a_task_prints_is_shown_with_that_task_from_c_and_from_children_too(project):
    """pytask-parallel 0.5.5 attaches it to the task that it handled last, without what is not Python's."""
    project.tasks(
        """
        for i in range(4):
            @task(id=str(i))
            def task_fails(i=i):
                print("printed by", i)
                print("as an error by", i, file=sys.stderr)
                os.write(1, b"written by %d\\n" % i)
                os.system(f"echo echoed for {i} >&2")
                raise ValueError(i)
        """
    )
    for backend in ("loky", "processes"):
        done = project.run("-n", "2", "--parallel-backend", backend)
        for i in range(4):
            report = done.report(f"task_fails[{i}]")
            assert "stdout during call ─" in report
            parts = re.split(r"─+ Captured std(?:out|err) during call ─+", report)
            assert parts[1].split("\n") == ["", f"printed by {i}", f"written by {i}", "", ""]
            assert parts[2].split("\n")[1:3] == [f"as an error by {i}", f"echoed for {i}"]
        assert done.out.count("\nwritten by") == 4


def test_what_threads_print_is_shown_with_their_task_as_far_as_python_prints_it(project):
    """pytask-parallel 0.5.5 keeps nothing of it."""
    project.tasks(
        """
        for i in range(4):
            @task(id=str(i))
            def task_fails(i=i):
                for _ in range(3):
                    print("printed by", i)
                    time.sleep(0.01)
                raise ValueError(i)
        """
    )
    done = project.run("-n", "2", "--parallel-backend", "threads")
    for i in range(4):
        report = done.report(f"task_fails[{i}]")
        assert report.count(f"printed by {i}") == report.count("printed by ") == 3


SAYS = """
    def say(name):
        print(f"<python {name}>")
        print(f"<error {name}>", file=sys.stderr)
        sys.stdout.flush()
        sys.stdout.buffer.write(f"<bytes {name}>\\n".encode())
        sys.stdout.flush()
        os.write(1, f"<descriptor {name}>\\n".encode())
        os.system(f"echo '<child {name}>' >&2")

    def task_fails():
        say("fails")
        raise ValueError

    def task_passes():
        say("passes")
"""


def shown_in(done):
    """What is shown in the report of the task that fails, and what is shown elsewhere."""
    report = done.report("task_fails")
    elsewhere = done.out.replace(report, "")
    return sorted(re.findall(r"^<(\w+ \w+)>$", report, re.M)), sorted(re.findall(r"<(\w+ \w+)>", elsewhere))


@pytest.mark.parametrize("backend", ["loky", "processes", "jug", "threads", "dask"])
@pytest.mark.parametrize("capture", ["fd", "sys", "tee-sys", "no"])
def test_what_is_captured_is_what_pytask_captures_in_sequence(project, capture, backend):
    """pytask-parallel 0.5.5 captures what Python prints, whatever the option says, and may lose it."""
    project.tasks(SAYS)
    in_sequence = shown_in(project.run("--capture", capture))
    project.forget()
    if capture == "fd" and backend in ("threads", "dask"):
        # A process that is shared has one pair of descriptors.
        in_sequence = shown_in(project.run("--capture", "sys"))
        project.forget()
    done = project.run("--capture", capture, "-n", "2", "--parallel-backend", backend)
    assert shown_in(done) == in_sequence


@pytest.mark.parametrize("capture", ["sys", "tee-sys", "no"])
def test_what_is_not_captured_is_shown_though_workers_begin_in_the_middle(project, capture):
    """Where workers begin while pytask keeps what is printed."""
    project.tasks(SAYS + "".join(f"\n    def task_other{i}():\n        pass\n" for i in range(40)))
    in_sequence = shown_in(project.run("--capture", capture))
    for backend in ("loky", "processes", "jug"):
        project.forget()
        done = project.run("--capture", capture, "-n", "40", "--parallel-backend", backend)
        assert shown_in(done) == in_sequence


def test_s_shows_what_tasks_print_at_once(project):
    project.tasks("def task_prints():\n    print('hello')\n    raise ValueError\n")
    done = project.run("-n", "2", "-s")
    assert "Captured stdout" not in done.out
    assert "hello" in done.out


def test_warnings_of_tasks_are_collected(project):
    project.tasks(
        """
        import warnings
        def task_warns():
            warnings.warn("mind this")
        @pytask.mark.filterwarnings("ignore:mind that")
        def task_does_not():
            warnings.warn("mind that")
        """
    )
    done = project.run("-n", "2")
    assert "mind this" in done.out
    assert "mind that" not in done.out


@pytest.mark.parametrize("backend", ["loky", "processes", "jug"])
def test_breakpoint_is_refused_with_advice_where_no_terminal_is(project, backend):
    """As in pytask-parallel 0.5.5."""
    project.tasks(
        "def task_stops():\n    breakpoint()\n\ndef task_traces():\n    import pdb; pdb.set_trace()\n"
    )
    done = project.run("-n", "2", "--parallel-backend", backend)
    assert done.outcomes == {"task_stops": "F", "task_traces": "F"}
    assert done.out.count("RuntimeError: You cannot use 'breakpoint()' or 'pdb.set_trace()'") == 2


def test_locals_are_shown_and_output_is_not_as_the_options_say(project):
    """As in pytask-parallel 0.5.5, whose workers render tracebacks, too."""
    project.tasks(
        """
        def task_fails():
            mine = "a value of" + " mine"
            print("printed")
            raise ValueError
        """
    )
    for reference in (False, True):
        for options, has_locals, has_output in (
            ((), False, True),
            (("--show-locals",), True, True),
            (("--show-capture", "no"), False, False),
            (("--show-capture", "stderr"), False, False),
        ):
            project.forget()
            report = project.run("-n", "2", *options, reference=reference).report("task_fails")
            assert ("mine = 'a value of mine'" in report) == has_locals
            assert ("\nprinted\n" in report) == has_output


@pytest.mark.parametrize("option", ["--pdb", "--trace", "--dry-run", "--explain"])
def test_what_is_looked_at_runs_in_sequence_and_says_so(project, option):
    """pytask-parallel 0.5.5 says nothing, and with --explain runs what is only to be explained."""
    project.tasks(
        "def task_is_here(path: Annotated[Path, Product] = Path('ran')):\n    path.write_text('')\n"
    )
    done = project.run("-n", "2", option)
    assert f"{option} runs tasks one after the other, in this process." in done.out
    assert "Starting" not in done.out
    assert (project.folder / "ran").exists() == (option in ("--pdb",))


def test_the_longest_remaining_path_goes_first_by_what_tasks_took_and_marks_win(project, version):
    project.tasks(
        """
        def note(name):
            with open("order", "a") as file:
                file.write(name + " ")

        def task_a_short(path: Annotated[Path, Product] = Path("a")):
            note("short"); path.write_text("")

        def task_b_long(path: Annotated[Path, Product] = Path("b")):
            note("long"); time.sleep(0.3); path.write_text("")

        def task_c_begins(path: Annotated[Path, Product] = Path("c")):
            note("begins"); path.write_text("")

        def task_c_ends(path=Path("c"), out: Annotated[Path, Product] = Path("d")):
            note("ends"); time.sleep(0.5); out.write_text("")

        @pytask.mark.try_first
        def task_y_first(path: Annotated[Path, Product] = Path("y")):
            note("first"); path.write_text("")

        @pytask.mark.try_last
        def task_z_last(path: Annotated[Path, Product] = Path("z")):
            note("last"); time.sleep(0.6); path.write_text("")
        """
    )
    arguments = ("-n", "1", "--parallel-backend", "threads")
    assert project.run(*arguments).status == 0
    order = project.folder / "order"
    order.unlink()
    assert project.run(*arguments, "--force").status == 0
    shown = order.read_text().split()
    assert shown[0] == "first"
    assert shown[-1] == "last"
    assert shown.index("begins") < shown.index("long") < shown.index("short")


def test_tasks_that_make_tasks_run(project):
    project.tasks(
        """
        @task(is_generator=True)
        def task_makes():
            for i in range(3):
                @task(id=str(i))
                def task_made(i=i, path: Annotated[Path, Product] = Path(f"made{i}")):
                    path.write_text("")
        """
    )
    done = project.run("-n", "2")
    assert done.status == 0, done.out
    assert done.outcomes == {"task_makes": ".", **{f"task_made[{i}]": "." for i in range(3)}}
    assert len(list(project.folder.glob("made*"))) == 3


UNTIL_ONE_FAILS = """
    # Short ones first, of which many would go to a worker together.
    for i in range(30):
        @(pytask.mark.try_first if i < 20 else pytask.mark.try_last if i > 21 else lambda f: f)
        @task(id=str(i))
        def task_step(i=i):
            if i == 20:
                while not Path("began21").exists():
                    time.sleep(0.01)
                raise ValueError(i)
            Path(f"began{i}").touch()
            if i == 21:
                time.sleep(2)
"""


def began_in(project):
    return {int(path.name.removeprefix("began")) for path in project.folder.glob("began*")}


@pytest.mark.parametrize("option", ["-x", "--max-failures=1"])
@pytest.mark.parametrize("backend", ["loky", "processes", "jug", "threads", "dask"])
def test_no_task_starts_after_the_last_failure_and_what_runs_then_is_reported(project, backend, option):
    """pytask-parallel 0.5.5 starts none, too; it waits for what runs, and does not report it."""
    project.tasks(UNTIL_ONE_FAILS)
    done = project.run("-n", "2", option, "--parallel-backend", backend)
    assert done.status == 1
    assert began_in(project) == {*range(20), 21}
    assert done.outcomes == {f"task_step[{i}]": "F" if i == 20 else "." for i in range(22)}


def test_pytask_parallel_starts_no_task_after_the_last_failure(project):
    """So that the test before compares with what it does; what ran at the end is "running" in its report."""
    project.tasks(UNTIL_ONE_FAILS)
    done = project.run("-n", "2", "-x", reference=True)
    assert began_in(project) == {*range(20), 21}
    assert done.outcomes.pop("task_step[21]") == "running"
    assert done.outcomes == {f"task_step[{i}]": "F" if i == 20 else "." for i in range(21)}


def test_no_task_starts_after_one_that_fails_before_it_runs(project):
    project.tasks(
        """
        for i in range(5):
            @(pytask.mark.try_last if i else pytask.mark.try_first)
            @task(id=str(i))
            def task_lacks(i=i, path=Path(f"source{i}"), out: Annotated[Path, Product] = Path(f"out{i}")):
                out.write_text(path.read_text())

        # Collected with it, and gone when it is to run.
        for i in range(5):
            Path(f"source{i}").touch()
        """
    )
    project.write(
        "hooks.py",
        """
        from pathlib import Path
        from pytask import hookimpl

        @hookimpl
        def pytask_execute_log_start():
            Path("source0").unlink()
        """,
    )
    for arguments in ((), ("-n", "2")):
        project.forget()
        done = project.run("-x", "--hook-module", "hooks.py", *arguments)
        assert done.outcomes == {"task_lacks[0]": "F"}, done.out
        assert not list(project.folder.glob("out*"))


def test_what_needs_a_task_begins_when_that_ends_and_not_when_somebody_looks(project):
    """pytask-parallel 0.5.5 looks after longer and longer pauses, up to a second."""
    project.tasks(
        """
        for i in range(5):
            @task(id=str(i))
            def task_link(before=Path(f"link{i}"), path: Annotated[Path, Product] = Path(f"link{i + 1}")):
                began = time.monotonic()
                time.sleep(0.8)
                path.write_text(f"{began} {time.monotonic()}")
        """
    )
    project.write("link0", "0 0")

    def median_gap(**how):
        project.forget()
        assert project.run("-n", "2", **how).status == 0
        links = [[*map(float, (project.folder / f"link{i}").read_text().split())] for i in range(1, 6)]
        return statistics.median(later[0] - link[1] for link, later in itertools.pairwise(links))

    pairs = [(median_gap(), median_gap(reference=True)) for _ in range(3)]
    assert statistics.median(ours / theirs for ours, theirs in pairs) < 1 / 2, pairs


def test_what_ends_together_is_recorded_with_few_commits_and_is_unchanged_then(project, version):
    """pytask commits thrice a task, and so does pytask-parallel 0.5.5; each waits for the disk."""
    project.write(
        "hooks.py",
        """
        import os
        from pytask import hookimpl
        from sqlalchemy import event
        from sqlalchemy.engine import Engine

        commits = []
        event.listen(Engine, "commit", commits.append)

        @hookimpl
        def pytask_unconfigure():
            print("commits", len(commits))
        """,
    )
    project.tasks(
        """
        for i in range(100):
            @task(id=str(i))
            def task_writes(i=i, path: Annotated[Path, Product] = Path(f"out/{i}.txt")):
                path.write_text(str(i))
        """
    )
    counts = []
    for arguments in ((), ("-n", "2", "--parallel-backend", "jug")):
        project.forget()
        done = project.run("--hook-module", "hooks.py", *arguments)
        assert (done.status, set(done.outcomes.values())) == (0, {"."}), done.out
        counts.append(int(re.search(r"commits (\d+)", done.out)[1]))
    assert counts[0] > 200
    assert counts[1] < counts[0] / 2
    again = project.run()
    assert (again.status, set(again.outcomes.values()) - {"s"}) == (0, set()), again.out


def test_a_module_beside_the_tasks_is_found_by_workers(project):
    project.write("helper.py", "def twice(x):\n    return 2 * x\n")
    project.tasks(
        """
        sys.path.insert(0, str(Path(__file__).parent))
        import helper
        def task_uses(path: Annotated[Path, Product] = Path("out.txt")):
            path.write_text(str(helper.twice(21)))
        """
    )
    for backend in ("loky", "processes", "dask"):
        project.forget()
        done = project.run("-n", "2", "--parallel-backend", backend)
        assert done.status == 0, done.out
        assert (project.folder / "out.txt").read_text() == "42"


def test_verbose_2_shows_how_long_tasks_took_and_where_they_ran(project):
    project.tasks("def task_sleeps():\n    time.sleep(0.5)\n\ndef task_fails():\n    raise ValueError\n")
    shown = project.run("-n", "2", "-v", "2").out
    rows = re.findall(r"│ task_module.py::(\w+) +│ (\d+\.\d\d) +│ \S+, process \d+ +│", shown)
    assert {name for name, _ in rows} == {"task_sleeps", "task_fails"}
    assert float(dict(rows)["task_sleeps"]) >= 0.5
    assert "Worker" not in project.run("-n", "2", "--force").out
