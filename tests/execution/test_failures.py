"""``jug.execute`` where tasks fail, end their worker, or reach a limit."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize("n_workers", [None, 2])
def test_what_fails_is_counted_and_reported_and_the_others_go_on(script, n_workers):
    _, err = script(
        f"""
        jug.set_jugdir("jugdata")

        @TaskGenerator
        def work(i, _=None):
            return i

        @TaskGenerator
        def bad(i):
            raise ValueError(f"no {{i}}")

        for i in range(10):
            work(i)
        work(0, bad(1))
        s = jug.execute(n_workers={n_workers})
        try:
            s.raise_for_failures()
        except jug.errors.TasksFailed as error:
            said = str(error)
            failures = len(error.failures)
        [failure] = s.failures
        show(**counted(s), said=said, failures=failures, failure=str(failure), kind=failure.report["kind"],
             is_the_task=failure.key == jug.task.alltasks[-2].key(), complete=s.is_complete)
        """
    )
    shown = script.shown()
    said = shown.pop("said")
    assert shown == {
        "executed": 10,
        "loaded": 0,
        "failed": 1,
        "unfinished": 1,
        "failures": 1,
        "complete": False,
        "failure": "task __main__.bad(1) failed: ValueError: no 1",
        "kind": "exception",
        "is_the_task": True,
    }
    assert said.startswith(
        "1 task failed, 1 task cannot run without one of those\n"
        "task __main__.bad(1) failed: ValueError: no 1\nTraceback"
    )
    assert 'raise ValueError(f"no {i}")' in said
    assert "jug: task __main__.bad(1) failed: ValueError: no 1; 1 task cannot run without it" in err


def test_each_task_that_ends_its_worker_is_a_failure_of_its_kind(script, left):
    script(
        """
        jug.set_jugdir("jugdata")

        @TaskGenerator
        def work(i):
            return i

        @TaskGenerator
        def fault(i):
            ctypes.string_at(0)

        @TaskGenerator
        def leave(i):
            os._exit(3)

        @TaskGenerator
        def kill(i):
            os.kill(os.getpid(), signal.SIGKILL)

        for i in range(30):
            work(i)
        # What a worker has stored in its last milliseconds goes with it.
        jug.execute(n_workers=2)
        fault(1), leave(1), kill(1)
        s = jug.execute(n_workers=2)
        show(**counted(s), kinds={f.name: f.report["kind"] for f in s.failures})
        """
    )
    assert script.shown() == {
        "executed": 0,
        "loaded": 30,
        "failed": 3,
        "unfinished": 0,
        "kinds": {"__main__.fault": "signal", "__main__.leave": "exit", "__main__.kill": "signal"},
    }
    assert left() == []


@pytest.mark.parametrize("n_workers", [None, 2])
def test_what_fails_is_tried_again_as_often_as_is_said(script, n_workers):
    script(
        f"""
        jug.set_jugdir("jugdata")

        @TaskGenerator
        def flaky(i):
            note(i)
            assert len(open(f"ran.{{i}}").readlines()) > i
            return i

        out = [flaky(0), flaky(1), flaky(2)]
        s = jug.execute(n_workers={n_workers}, retries=1)
        show(**counted(s), failures=[f.report["attempt"] for f in s.failures])
        """
    )
    assert script.shown() == {"executed": 2, "loaded": 0, "failed": 1, "unfinished": 0, "failures": [2]}
    assert script.times_run() == {"0": 1, "1": 2, "2": 2}


@pytest.mark.parametrize("n_workers", [None, 2])
def test_what_runs_for_too_long_fails_and_the_rest_goes_on(script, left, n_workers):
    script(
        f"""
        jug.set_jugdir("jugdata")

        @TaskGenerator
        def work(seconds):
            print(seconds, flush=True)
            time.sleep(seconds)
            return seconds

        out = [work(0.1 * i) for i in range(5)] + [work(1000)]
        s = jug.execute(n_workers={n_workers}, timeout=1.5)
        show(**counted(s), kinds=[f.report["kind"] for f in s.failures])
        """
    )
    assert script.shown() == {"executed": 5, "loaded": 0, "failed": 1, "unfinished": 0, "kinds": ["timeout"]}
    assert left() == []


def test_what_takes_too_much_memory_fails_and_the_rest_goes_on(script, left):
    script(
        """
        jug.set_jugdir("jugdata")

        @TaskGenerator
        def work(size):
            data = bytearray(b"x" * size)
            while size > 1000:
                data += b"x" * 10_000_000
            return len(data)

        out = [work(i) for i in range(5)] + [work(1001)]
        s = jug.execute(n_workers=2, memory_limit="400MB")
        show(**counted(s), kinds=[f.report["kind"] for f in s.failures])
        """
    )
    shown = script.shown()
    assert (shown["failed"], shown["kinds"], shown["unfinished"]) == (1, ["memory"], 0)
    assert left() == []


@pytest.mark.parametrize("n_workers", [None, 1])
def test_the_first_failure_may_end_it(script, n_workers):
    script(
        f"""
        jug.set_jugdir("jugdata")

        @TaskGenerator
        def work(i):
            assert i != 3
            return i

        for i in range(10):
            work(i)
        s = jug.execute(n_workers={n_workers}, keep_going=False)
        show(**counted(s), failures=len(s.failures))
        """
    )
    assert script.shown() == {"executed": 3, "loaded": 0, "failed": 1, "unfinished": 6, "failures": 1}


def test_what_was_marked_as_failed_before_is_a_failure_too(jug, script):
    source = """
        jug.set_jugdir("jugdata")

        @TaskGenerator
        def bad(i):
            note(i)
            raise ValueError(i)

        bad(1)
        s = jug.execute(n_workers=1)
        try:
            s.raise_for_failures()
        except RuntimeError as error:
            show(said=str(error).split("\\n")[0], **counted(s))
    """
    (jug.folder / "jugrc").write_text("[execute]\nkeep_failed = yes\n")
    script(source)
    assert script.shown()["said"] == "1 task failed"
    script(source)
    assert script.shown()["said"] == "1 task marked as failed before (see `jug retry`)"
    assert script.times_run() == {"1": 1}
