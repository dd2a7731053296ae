"""``jug.execute(backend=...)``: tasks of a script run in threads, processes, or any executor."""

from __future__ import annotations

import pytest

TASKS = """
        jug.set_jugdir("jugdata")
        FACTOR = 3

        @TaskGenerator
        def work(i):
            note(i)
            return FACTOR * i

        @TaskGenerator
        def total(numbers):
            return sum(numbers)

        last = total([work(i) for i in range(20)])
"""


@pytest.mark.parametrize("backend", ["'threads'", "'processes'", "'loky'", "'workers'"])
def test_tasks_of_a_script_run_on_a_backend(script, backend):
    """Also of a script whose last line runs them, without `if __name__ == "__main__"`."""
    script(
        TASKS
        + f"""
        s = jug.execute(backend={backend}, n_workers=2)
        again = jug.execute(backend={backend}, n_workers=2)
        show(**counted(s), last=jug.value(last), again=counted(again)["executed"])
        """
    )
    shown = script.shown()
    assert shown == {"executed": 21, "loaded": 0, "failed": 0, "unfinished": 0, "last": 570, "again": 0}


@pytest.mark.parametrize(
    "executor",
    [
        "concurrent.futures.ThreadPoolExecutor(2)",
        # From Python 3.14 on a script whose executor does not fork needs `if __name__ == "__main__"`.
        "concurrent.futures.ProcessPoolExecutor(2, multiprocessing.get_context('fork'))",
        "loky.get_reusable_executor(max_workers=2)",
    ],
)
def test_an_executor_is_used_and_stays_open(script, executor):
    script(
        TASKS
        + f"""
        import concurrent.futures, loky, multiprocessing

        with {executor} as executor:
            s = jug.execute(backend=executor)
            show(**counted(s), last=jug.value(last), more=executor.submit(abs, -3).result())
        """
    )
    shown = script.shown()
    assert (shown["executed"], shown["last"], shown["more"]) == (21, 570, 3)


def test_an_executor_that_breaks_ends_it_with_a_line_and_what_was_finished_is_stored(script):
    script(
        """
        jug.set_jugdir("jugdata")
        import concurrent.futures, multiprocessing

        @TaskGenerator
        def work(i):
            if i == 10:
                os._exit(1)
            time.sleep(0.02)
            return i

        tasks = [work(i) for i in range(20)]
        try:
            context = multiprocessing.get_context("fork")
            jug.execute(backend=concurrent.futures.ProcessPoolExecutor(1, context))
        except jug.errors.UserError as error:
            show(said=str(error), done=[t.can_load() for t in tasks].count(True))
        """
    )
    shown = script.shown()
    assert "a worker of the ProcessPoolExecutor ended, and the executor with it" in shown["said"]
    assert "what was finished is stored" in shown["said"]
    assert shown["done"] >= 1


@pytest.mark.parametrize(
    ("arguments", "type_", "says"),
    [
        ("backend='nope'", "ValueError", "there is no backend 'nope'; known are workers, threads"),
        ("backend=3", "ValueError", "a backend is a name or a concurrent.futures.Executor"),
        ("backend='loky', n_workers=0", "ValueError", "n_workers must be"),
        ("backend='loky', capture=True", "ValueError", "capture is for the backend 'workers'"),
        ("backend='loky', jugfile='it.py'", "ValueError", "a jugfile is run by workers"),
        ("backend='threads', timeout=3", "ValueError", "the backend threads cannot end a task"),
    ],
)
def test_a_wrong_argument_is_one_line(script, arguments, type_, says):
    script(
        TASKS
        + f"""
        try:
            jug.execute({arguments})
        except Exception as error:
            show(said=str(error), type=type(error).__name__)
        """
    )
    shown = script.shown()
    assert shown["type"] == type_
    assert shown["said"].startswith(says)
    assert "\n" not in shown["said"]


def test_failures_come_with_their_reports(script):
    script(
        """
        jug.set_jugdir("jugdata")

        class Wrong(Exception):
            pass

        @TaskGenerator
        def work(i):
            if i == 3:
                raise Wrong("it is three")
            return i

        tasks = [work(i) for i in range(6)]
        s = jug.execute(backend="processes", n_workers=2, retries=1)
        [failure] = s.failures
        show(**counted(s), failure=str(failure), attempt=failure.report["attempt"])
        """
    )
    shown = script.shown()
    assert shown["failure"] == "task __main__.work(3) failed: __main__.Wrong: it is three"
    assert (shown["executed"], shown["failed"], shown["attempt"]) == (5, 1, 2)
