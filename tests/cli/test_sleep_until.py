"""jug sleep-until: waiting for others."""

import time


def test_it_returns_at_once_when_all_is_complete(pipeline):
    pipeline("execute")
    began = time.monotonic()
    done = pipeline("sleep-until")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert time.monotonic() - began < 5


def test_it_ends_when_another_process_has_finished_behind_the_barriers_too(jug):
    jug.write("""
        from jug import TaskGenerator, barrier

        @TaskGenerator
        def double(x):
            return 2 * x

        double(1)
        barrier()
        double(2)
    """)
    sleeper = jug.start("sleep-until")
    time.sleep(0.5)
    assert sleeper.poll() is None
    jug("execute")
    began = time.monotonic()
    sleeper.communicate(timeout=30)
    assert sleeper.returncode == 0
    assert time.monotonic() - began < 5


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
