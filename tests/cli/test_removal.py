"""jug invalidate and jug cleanup: what is removed, and what they say about it."""

from tests.support.jugfiles import PIPELINE, TWO_STAGES
from tests.support.screens import screen


def test_invalidate_removes_a_result_and_all_that_depends_on_it(pipeline):
    pipeline("execute")
    done = pipeline("invalidate", "--name", "add")
    assert done.returncode == 0
    assert screen(done.stdout) == screen("""\
 Invalidated  Task name
--------------------------------------------------------------------------------
           1  jugfile.add
           1  jugfile.double
................................................................................
           2  Total

""")
    assert pipeline("status", "--short").stdout == (
        "2 tasks waiting to be run, 0 failed, 5 complete, (none active).\n"
    )
    again = pipeline("execute", "--short", "--will-cite")
    assert again.stdout.startswith("Executed:  2 tasks\nLoaded:  5 tasks\n")


def test_invalidate_in_short(pipeline):
    pipeline("execute")
    done = pipeline("invalidate", "--pattern", "d", "--short")
    assert done.stdout == "Invalidated:  7 tasks\n** Total: 7 tasks.\n"


def test_invalidate_says_when_there_was_nothing_to_remove(pipeline):
    assert pipeline("invalidate", "--name", "add").stdout == "Tasks invalidated, but no results removed\n"
    done = pipeline("invalidate", "--name", "nosuch")
    assert (done.returncode, done.stdout) == (0, "No results invalidated.\n")


def test_cleanup_removes_what_the_jugfile_no_longer_makes(pipeline):
    pipeline("execute")
    assert pipeline("cleanup").stdout == "Removed 0 objects\nRemoved 0 locks\n"
    pipeline.write(PIPELINE.replace("range(5)", "range(4)"))
    assert pipeline("cleanup").stdout == "Removed 3 objects\nRemoved 0 locks\n"
    assert pipeline("status", "--short").stdout.startswith("2 tasks waiting to be run, 0 failed, 4 complete")


def test_cleanup_can_keep_locks_or_results(pipeline):
    pipeline("execute")
    pipeline.write("")
    assert pipeline("cleanup", "--locks-only").stdout == "Removed 0 locks\n"
    assert pipeline("cleanup", "--failed-only").stdout == "Removed 0 failure locks\n"
    assert pipeline("cleanup", "--keep-locks").stdout == "Removed 7 objects\n"


def test_cleanup_makes_kept_failures_ready_again(failing):
    for option, message in (
        ("--failed-only", "Removed 2 failure locks\n"),
        ("--locks-only", "Removed 2 locks\n"),
    ):
        failing("execute", "--keep-going", "--keep-failed")
        assert "2 failed" in failing("status", "--short").stdout
        assert failing("cleanup", option).stdout == message
        assert "0 failed" in failing("status", "--short").stdout


def test_the_last_failure_decides_whether_the_task_stays_failed(failing):
    for _ in range(4):
        failing("execute", "--keep-going")
        assert "0 failed" in failing("status", "--short").stdout
        failing("execute", "--keep-going", "--keep-failed")
        assert "2 failed" in failing("status", "--short").stdout
        failing("cleanup", "--failed-only")


def test_cleanup_behind_an_unmet_barrier_keeps_what_may_be_needed(jug):
    jug.write(TWO_STAGES)
    jug("execute")
    jug.write(TWO_STAGES.replace("double(1)\n", "double(3)\n"))
    done = jug("cleanup")
    assert done.returncode == 0
    assert done.stdout == "Removed 0 objects\nRemoved 0 locks\n"
    assert "the jugfile stops at a barrier" in done.stderr
    assert jug("execute", "--short", "--will-cite").stdout.startswith("Executed:  1 tasks\n")
    assert jug("cleanup").stdout == "Removed 1 objects\nRemoved 0 locks\n"


def _age(jug, seconds):
    """Makes all results of the one segment there is older, as if the clock had been wrong."""
    return jug.python(f"""
        from jug import _native
        store = _native.Store("jugfile.jugdata")
        for key in store.keys():
            facts = store.facts(key)
            store.save(key, store.load(key), name=facts["name"], started=facts["started"] - {seconds})
        store.close()
    """)


def test_a_dry_run_says_what_would_go_and_changes_nothing(pipeline):
    pipeline("execute")
    pipeline.write(PIPELINE.replace("range(5)", "range(4)"))
    done = pipeline("cleanup", "--dry-run")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[0] == "Would remove 3 objects"
    assert [line.split() for line in lines[1:3]] == [["1", "jugfile.add"], ["2", "jugfile.double"]]
    assert lines[3].startswith("This would free ")
    assert lines[4] == "Would remove 0 locks"
    assert pipeline("cleanup", "--dry-run").stdout == done.stdout
    assert pipeline("cleanup").stdout == "Removed 3 objects\nRemoved 0 locks\n"


def test_a_dry_run_counts_failure_marks_and_keeps_them(failing):
    failing("execute", "--keep-going", "--keep-failed")
    for option, message in (
        ("--failed-only", "Would remove 2 failure locks\n"),
        ("--locks-only", "Would remove 2 locks\n"),
    ):
        assert failing("cleanup", option, "--dry-run").stdout == message
    assert "2 failed" in failing("status", "--short").stdout


def test_force_removes_behind_an_unmet_barrier_too(jug):
    jug.write(TWO_STAGES)
    jug("execute")
    jug.write(TWO_STAGES.replace("double(1)\n", "double(3)\n"))
    kept = jug("cleanup")
    assert "2 results" in kept.stderr
    assert "--force" in kept.stderr
    done = jug("cleanup", "--force")
    assert (done.stdout, done.stderr) == ("Removed 2 objects\nRemoved 0 locks\n", "")


def test_old_results_are_removed_by_age_and_others_kept(pipeline):
    pipeline("execute")
    assert pipeline("cleanup", "--older-than", "1h").stdout.startswith("Removed 0 objects\n")
    _age(pipeline, 7200)
    assert pipeline("cleanup", "--older-than", "3h").stdout.startswith("Removed 0 objects\n")
    done = pipeline("cleanup", "--older-than", "90m")
    lines = done.stdout.splitlines()
    assert lines[0] == "Removed 7 objects"
    assert [line.split() for line in lines[1:3]] == [["1", "jugfile.add"], ["6", "jugfile.double"]]
    assert lines[3].startswith("Freed ")
    assert pipeline("status", "--short").stdout.startswith("7 tasks waiting to be run, 0 failed, 0 complete")


def test_the_oldest_results_go_until_the_rest_fits_and_the_room_is_given_back(jug):
    jug.write("""
        import hashlib
        import time
        from jug import TaskGenerator

        @TaskGenerator
        def part(i):
            time.sleep(0.002)
            return hashlib.shake_128(b"%d" % i).digest(100_000 if i % 2 else 50_000)

        parts = [part(i) for i in range(10)]
    """)
    jug("execute")
    done = jug("cleanup", "--max-size", "500k")
    assert done.stdout.startswith("Removed 4 objects\n")
    left = sum(
        path.stat().st_size for path in (jug.folder / "jugfile.jugdata").rglob("[!.]*") if path.is_file()
    )
    assert left < 520_000
    # The tasks are in the order of their age.
    assert jug("status", "--short").stdout.startswith("4 tasks waiting to be run, 0 failed, 6 complete")
    shown = jug.python("""
        import jug
        jug.init("jugfile.py", "jugfile.jugdata")
        import jugfile
        print([t.can_load() for t in jugfile.parts].count(True), jugfile.parts[9].can_load())
    """)
    assert shown.stdout == "6 True\n", shown.stderr


def test_what_runs_is_never_removed(jug):
    jug.write("""
        import subprocess
        import sys
        from jug import TaskGenerator

        @TaskGenerator
        def clean():
            # The result that the task had before is there while it runs again.
            command = [sys.executable, "-m", "jug", "cleanup", "--older-than", "0s"]
            done = subprocess.run(command, capture_output=True, text=True)
            return done.stdout + done.stderr

        cleaned = clean()
    """)
    jug("execute")
    jug.python("""
        import jug
        store, _ = jug.init("jugfile.py", "jugfile.jugdata")
        import jugfile
        t = jugfile.cleaned
        assert t.lock()
        t.run(force=True)
        t.unlock()
        jug.task.Task.store.close()
    """)
    shown = jug.python("""
        import jug
        jug.init("jugfile.py", "jugfile.jugdata")
        import jugfile
        print(jug.value(jugfile.cleaned))
    """)
    assert "Removed 0 objects" in shown.stdout, shown.stderr
    assert "1 results were kept because their tasks are running" in shown.stdout


def test_wrong_ages_sizes_and_combinations_are_reported(pipeline):
    pipeline("execute")
    for arguments, words in (
        (("--older-than", "soon"), "'soon' is no age"),
        (("--older-than", "-3d"), "no age"),
        (("--max-size", "10 apples"), "'10 apples' is no size"),
        (("--max-size", "1e9"), "no size"),
        (
            ("--locks-only", "--older-than", "3d"),
            "--older-than is about results, and --locks-only removes none",
        ),
        (("--failed-only", "--force"), "--force is about results, and --failed-only removes none"),
        (("--locks-only", "--keep-locks"), "not allowed with"),
    ):
        done = pipeline("cleanup", *[f"--older-than={arguments[1]}"] if arguments[1] == "-3d" else arguments)
        assert done.returncode == 2, done.stderr
        assert words in done.stderr
        assert "Traceback" not in done.stderr
    (pipeline.folder / "jugrc").write_text("[cleanup]\nmax_size = plenty\n")
    done = pipeline("cleanup")
    assert (done.returncode, "'plenty' is no size" in done.stderr) == (2, True)
    (pipeline.folder / "jugrc").write_text("[cleanup]\nolder-than = 1d\ndry-run = yes\n")
    assert pipeline("cleanup").stdout.startswith("Would remove 0 objects\n")


def test_only_a_jugdir_knows_how_old_and_large_results_are(pipeline):
    done = pipeline("cleanup", "--max-size", "1G", "--jugdir", "dict_store")
    assert done.returncode == 2
    assert "does not report the age" in done.stderr


def test_results_of_another_jugfile_beside_the_jugdir_are_kept_until_they_are_forced_to_go(jug):
    """Two jugfiles share a jugdir; a module that the first imports is no jugfile of its own."""
    jug.write("from jug import TaskGenerator\n\n@TaskGenerator\ndef helped(i):\n    return i\n", "helper.py")
    source = """
        from jug import TaskGenerator
        import helper

        @TaskGenerator
        def {name}(i):
            return i

        results = [{name}(i) for i in range({count})] + [helper.helped({count})]
    """
    first = jug.write(source.format(name="one", count=5), "first.py")
    second = jug.write(
        source.format(name="two", count=3).replace("import helper", "").split("+ [")[0], "second.py"
    )
    for jugfile in (first, second):
        assert jug("execute", "--jugdir", "shared", jugfile.name).returncode == 0
    jug.write(source.format(name="one", count=2), "first.py")
    clean = ["cleanup", "--jugdir", "shared", "first.py"]
    words = "3 results of functions of second.py were kept"
    dry = jug(*clean, "--dry-run")
    assert dry.stdout.startswith("Would remove 4 objects\n")
    assert words in dry.stderr
    done = jug(*clean)
    assert done.stdout.startswith("Removed 4 objects\n")
    assert words in done.stderr
    assert jug("check", "--jugdir", "shared", "second.py").returncode == 0
    assert jug(*clean, "--force").stdout.startswith("Removed 3 objects\n")
    assert jug("check", "--jugdir", "shared", "second.py").returncode == 1
    # A file that is gone uses nothing.
    assert jug("execute", "--jugdir", "shared", "second.py").returncode == 0
    second.unlink()
    assert jug(*clean).stdout.startswith("Removed 3 objects\n")
