"""jug sleep-until: waiting for others."""

import time

import pytest

from tests.support.jugfiles import TWO_STAGES


def test_it_returns_at_once_when_all_is_complete(pipeline):
    pipeline("execute")
    began = time.monotonic()
    done = pipeline("sleep-until")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert time.monotonic() - began < 5


def test_it_ends_when_another_process_has_finished_behind_the_barriers_too(jug):
    jug.write(TWO_STAGES)
    sleeper = jug.start("sleep-until")
    time.sleep(0.5)
    assert sleeper.poll() is None
    jug("execute")
    began = time.monotonic()
    sleeper.communicate(timeout=30)
    assert sleeper.returncode == 0
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("end", ["barrier()", ""], ids=["barrier", "none"])
def test_it_ends_where_tasks_are_others_in_each_load(jug, end):
    jug.write(f"""
        import os
        from jug import TaskGenerator, barrier

        with open("loads", "a") as file:
            print("load", file=file)

        @TaskGenerator
        def double(x):
            return x + x

        double(1)
        double(os.urandom(8))
        {end}
    """)
    done = jug("sleep-until", timeout=60)
    said = "the jugfile never gets past its barrier" if end else "the wait would never end"
    assert done.returncode == 1
    assert done.stderr.startswith(f"jug: error: {said}: argument 1 of task jugfile.double is another one")
    assert len((jug.folder / "loads").read_text().splitlines()) == 3


def test_it_ends_where_tasks_behind_a_barrier_are_others_in_each_load(jug):
    jug.write("""
        import os
        from jug import TaskGenerator, barrier

        @TaskGenerator
        def double(x):
            return x + x

        double(1)
        barrier()
        double(os.urandom(8))
        barrier()
    """)
    sleeper = jug.start("sleep-until")
    assert jug("execute").returncode == 1
    _, err = sleeper.communicate(timeout=60)
    assert sleeper.returncode == 1
    assert "jug: error: the jugfile never gets past its barrier: argument 1 of task jugfile.double" in err


def test_it_waits_for_a_long_task_and_loads_the_jugfile_once_more_only(jug):
    jug.write("""
        import time
        from jug import TaskGenerator

        with open("loads", "a") as file:
            print("load", file=file)

        @TaskGenerator
        def double(x):
            time.sleep(5)
            return x + x

        double(1)
    """)
    sleeper = jug.start("sleep-until")
    assert jug("execute").returncode == 0
    assert sleeper.communicate(timeout=60)[1] == ""
    assert sleeper.returncode == 0
    assert len((jug.folder / "loads").read_text().splitlines()) == 3


def test_it_says_what_it_waits_for_when_asked(pipeline):
    sleeper = pipeline.start("sleep-until", "--verbose", "info")
    assert "7 tasks" in sleeper.stderr.readline()
    pipeline("execute")
    sleeper.communicate(timeout=30)
    assert sleeper.returncode == 0


def test_it_waits_as_long_as_anything_can_run_beside_what_is_marked_as_failed(jug):
    jug.write("""
        import os
        from jug import TaskGenerator

        @TaskGenerator
        def check(name):
            if not os.path.exists(name):
                raise FileNotFoundError(name)

        check("never")
        check("later")
    """)
    assert jug("execute", "--keep-failed").returncode == 1
    sleeper = jug.start("sleep-until")
    time.sleep(1)
    assert sleeper.poll() is None
    (jug.folder / "later").touch()
    assert jug("execute").returncode == 1
    _, said = sleeper.communicate(timeout=30)
    assert sleeper.returncode == 1
    assert "1 task is marked as failed" in said


def test_it_ends_when_what_is_left_ended_its_process_too_often(jug):
    jug.write("""
        import os
        from jug import TaskGenerator

        @TaskGenerator
        def crash():
            if os.path.exists("mended"):
                return 1
            os._exit(3)

        @TaskGenerator
        def follow(x):
            return x

        follow(crash())
    """)
    sleeper = jug.start("sleep-until")
    assert jug("execute").returncode == 3
    time.sleep(1)
    assert sleeper.poll() is None
    assert jug("execute").returncode == 1
    _, said = sleeper.communicate(timeout=30)
    assert sleeper.returncode == 1
    assert "1 task failed, 1 cannot run without it" in said
    assert jug("sleep-until", timeout=30).returncode == 1
    (jug.folder / "mended").touch()
    assert jug("execute").returncode == 0
    assert jug("sleep-until", timeout=30).returncode == 0
