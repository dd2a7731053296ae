"""Claims by hard links, with real processes: kills, pauses, and workers as if on other hosts."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest

from tests.support.permission import NotPermitted
from tests.support.run_counts import COUNTED, ran
from tests.support.waiting import wait_for

JOBS = textwrap.dedent(COUNTED)

#: Each worker behaves as if it were on a host of its own, and is dead after two seconds without a heartbeat.
ELSEWHERE = {"JUG_TEST_LEASE": "2", "JUG_TEST_STRANGERS": "1"}
EXECUTE = ("execute", "--will-cite", "--claims=link")


def link_worker(jug, *options, env=None):
    return jug.start(*EXECUTE, *options, env=env)


def left_over(jug):
    """What workers left in the jugdir beside results."""
    jugdir = jug.folder / "jugfile.jugdata"
    claims = [path for path in (jugdir / "claims").rglob("*") if path.is_file()]
    return sorted(os.listdir(jugdir / "workers")), claims


def test_four_workers_run_every_task_once_and_leave_nothing(jug):
    jug.write(JOBS + "sums = total([step(i) for i in range(400)])")
    workers = [link_worker(jug) for _ in range(4)]
    for worker in workers:
        assert worker.communicate(timeout=100)[1] == ""
        assert worker.returncode == 0
    assert set(ran(jug.folder).values()) == {1}
    assert len(ran(jug.folder)) == 401
    assert left_over(jug) == ([], [])


@pytest.mark.parametrize("env", [None, ELSEWHERE])
def test_a_worker_that_is_killed_blocks_nobody(jug, env):
    jug.write(JOBS + "done = [step(i, seconds=3) for i in range(3)]")
    first = link_worker(jug, env=env)
    wait_for(lambda: len(ran(jug.folder)) == 1, "the first task")
    first.kill()
    first.communicate()
    assert jug(*EXECUTE, env=env).returncode == 0
    assert len(ran(jug.folder)) == 3
    assert sum(ran(jug.folder).values()) == 4
    assert left_over(jug)[1] == []


def test_a_worker_paused_longer_than_the_lease_takes_nothing_from_others(jug):
    jug.write(JOBS + "done = [step(i, seconds=0.2) for i in range(12)]")
    paused = link_worker(jug, env=ELSEWHERE)
    wait_for(lambda: ran(jug.folder), "the first task")
    paused.send_signal(signal.SIGSTOP)
    other = link_worker(jug, env=ELSEWHERE)
    assert other.wait(timeout=100) == 0
    paused.send_signal(signal.SIGCONT)
    assert paused.wait(timeout=100) == 0
    counts = ran(jug.folder)
    assert len(counts) == 12
    assert sum(counts.values()) <= 14, "what ran at the time of the pause, and at most one more, ran again"
    assert jug("check").returncode == 0
    for worker in (paused, other):
        assert worker.communicate()[1] == ""


def test_a_paused_worker_brings_no_invalidated_result_back(jug):
    jug.write(JOBS + "done = [step(i, seconds=1.0) for i in range(2)]")
    paused = link_worker(jug, env=ELSEWHERE)
    wait_for(lambda: ran(jug.folder), "the first task")
    paused.send_signal(signal.SIGSTOP)
    (first,) = ran(jug.folder)
    assert jug("invalidate", "--name", "step", env=ELSEWHERE).returncode == 0
    paused.send_signal(signal.SIGCONT)
    assert paused.wait(timeout=100) == 0
    assert ran(jug.folder)[first] == 2, "what began before the invalidation ran again after it"
    paused.communicate()


def test_status_shows_what_runs_and_cleanup_leaves_it_alone(jug):
    jug.write(JOBS + "done = [step(i, seconds=600) for i in range(2)]")
    worker = link_worker(jug)
    wait_for(lambda: ran(jug.folder), "the first task")
    # Behind a long task the other claims are given back.
    wait_for(lambda: "1 active" in jug("status", "--short").stdout, "status to show one")
    assert jug("cleanup", "--locks-only").stdout == "Removed 0 locks\n"
    assert "1 active" in jug("status", "--short").stdout
    worker.kill()
    worker.communicate()
    assert "none active" in jug("status", "--short").stdout
    assert jug("cleanup", "--locks-only").stdout == "Removed 1 locks\n"
    assert left_over(jug) == ([], [])


def segments(jug):
    return jug.folder / "jugfile.jugdata" / "segments"


def run_and_kill(jug, env):
    """Twenty tasks are run, and the worker is killed amid the next one; the path of what it wrote."""
    jug.write(
        JOBS
        + """
first = [step(i) for i in range(20)]
second = [step(100 + i, seconds=2) for i in range(2)]
""".strip()
    )
    killed = link_worker(jug, env=env)
    wait_for(lambda: any(int(name) >= 100 for name in ran(jug.folder)), "a long task")
    wait_for(lambda: " 20 complete" in jug("status", "--short").stdout, "the others to be stored")
    killed.kill()
    killed.communicate()
    (segment,) = segments(jug).iterdir()
    return segment


@pytest.mark.parametrize("env", [None, ELSEWHERE])
def test_what_a_killed_worker_wrote_is_packed_when_nothing_else_is_left_of_it(jug, env):
    segment = run_and_kill(jug, env)
    assert jug(*EXECUTE, "--no-pack", env=env).returncode == 0
    assert segment.stem.rpartition("-")[0] not in left_over(jug)[0], "its file was swept away"
    assert len(list(segments(jug).iterdir())) == 2
    packed = jug("pack", "--force", env=env)
    assert (packed.returncode, packed.stdout.splitlines()[0]) == (0, "Packed 22 objects")
    assert "left" not in packed.stdout
    assert list(segments(jug).iterdir()) == []
    assert jug("check").returncode == 0
    assert jug(*EXECUTE, "--short").stdout.startswith("Executed:  0 tasks\nLoaded:  22 tasks\n")


def test_many_segments_of_killed_workers_are_packed_by_the_worker_that_ends(jug):
    segment = run_and_kill(jug, ELSEWHERE)
    jug(*EXECUTE, "--no-pack", env=ELSEWHERE)
    for number in range(1, 66):
        # As an earlier one of its own that it left after a failed write.
        (segments(jug) / f"{segment.stem[:-1]}{number}.seg").write_bytes(segment.read_bytes())
    assert jug(*EXECUTE, env=ELSEWHERE).returncode == 0
    assert list(segments(jug).iterdir()) == []
    assert jug("check").returncode == 0


@pytest.mark.parametrize(
    ("env", "why"), [(None, "of workers that run"), (ELSEWHERE, "of workers on other hosts that run, or")]
)
def test_pack_says_whose_segments_it_left(jug, env, why):
    jug.write(JOBS + "first, second = step(1), step(2, seconds=600)")
    worker = link_worker(jug, env=env)
    wait_for(lambda: "1 active" in jug("status", "--short").stdout and ran(jug.folder)["1"], "the first task")
    wait_for(lambda: list(segments(jug).iterdir()), "its result")
    lines = jug("pack", "--force", env=env).stdout.splitlines()
    worker.kill()
    worker.communicate()
    assert lines[-1].startswith(f"left 1 segments {why}")


#: Tasks 0 and 1 are finished, and still claimed; a third one runs.
LINGERING = """
    import os, signal, time
    from jug.backends.file_store import file_store

    store = file_store("jugfile.jugdata", claims="link")
    keys = [bytes([number]) * 32 for number in range(3)]
    store.claims.claim(keys)
    for key in keys[:2]:
        store.claims.start(key)
        store.native.save(key, 0, name="f", started=time.time() - 10, duration=1.0)
    store.native.sync()
    store.claims.release(keys[:2])
    store.claims.start(keys[2])
    assert store.claims.is_claimed(keys) == [True] * 3
"""


def test_cleanup_removes_results_of_finished_tasks_that_are_still_claimed(jug):
    jug.write(JOBS + "step(1)")
    shown = jug.python(
        LINGERING
        + """
    import subprocess, sys
    other = file_store("jugfile.jugdata")
    # Somebody runs a task once more that another one has finished.
    other.native.save(keys[2], 0, name="f", started=time.time() - 10, duration=1.0)
    other.native.sync()
    command = [sys.executable, "-m", "jug", "cleanup", "--older-than", "0s"]
    done = subprocess.run(command, capture_output=True, text=True)
    print(done.stdout + done.stderr)
    other.close()
    store.close()
"""
    )
    assert "Removed 2 objects" in shown.stdout, shown.stdout + shown.stderr
    assert "1 results were kept because their tasks are running" in shown.stdout


def test_fsck_sums_up_what_a_killed_worker_had_finished(jug):
    jug.write(JOBS + "step(1)")
    jug.python(LINGERING + "    os.kill(os.getpid(), signal.SIGKILL)\n")
    lines = jug("fsck").stdout.splitlines()
    assert sum(line.startswith("abandoned: ") for line in lines) == 1, lines
    assert "left over: 2 claims of dead workers on tasks that have a result" in lines


def test_workers_in_other_process_namespaces_are_identified_by_their_heartbeats(jug):
    unshare = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
    probe = subprocess.run([*unshare, "true"], capture_output=True, check=False)
    if b"Operation not permitted" in probe.stderr:
        raise NotPermitted("this user may not create process namespaces")
    assert probe.returncode == 0, probe.stderr
    jug.write(JOBS + "done = [step(i, seconds=2) for i in range(2)]")
    env = jug.env({"JUG_TEST_LEASE": "2"})
    boxed = subprocess.Popen(
        [*unshare, sys.executable, "-m", "jug", *EXECUTE],
        cwd=jug.folder,
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_for(lambda: ran(jug.folder), "the first task")
    boxed.kill()
    boxed.wait()
    assert jug(*EXECUTE, env={"JUG_TEST_LEASE": "2"}).returncode == 0
    assert len(ran(jug.folder)) == 2


def test_init_store_says_how_tasks_are_claimed_and_why(jug):
    done = jug("init-store", "--jugdir", "many", "--claims=link")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "many: claims in mode link, for workers on any number of hosts, as --claims says\n"
    )
    assert "claims link\n" in (jug.folder / "many" / "FORMAT").read_text()
    assert os.listdir(jug.folder / "many" / "workers") == []
    again = jug("init-store", "--jugdir", "many")
    assert (again.returncode, again.stdout) == (1, "")
    assert again.stderr == (
        "jug: error: many exists already; its claims are in mode link, for workers on any number of hosts\n"
    )
    assert "jugdir" not in jug("init-store", "--jugdir", "plain").stderr


def test_the_mode_is_asked_for_on_the_command_line_or_in_a_jugrc(jug):
    jug.write(JOBS + "step(1)")
    (jug.folder / "jugrc").write_text("[main]\nclaims = link\n")
    assert jug("execute", "--will-cite").returncode == 0
    assert "claims link\n" in (jug.folder / "jugfile.jugdata" / "FORMAT").read_text()
    refused = jug("execute", "--claims=posix")
    assert refused.returncode == 1
    assert refused.stderr.startswith("jug: error: ")
    assert "has claims in mode link, not posix" in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert jug("execute", "--claims=sometimes").returncode == 2


def test_a_jugdir_of_one_host_is_opened_to_others_and_keeps_its_results(jug):
    jug.write(JOBS + "results = [step(n) for n in range(8)]\n")
    assert jug("execute", "--will-cite").returncode == 0
    refused = jug("execute", "--will-cite", "--claims=link")
    assert "has claims in mode posix, not link" in refused.stderr
    done = jug("init-store", "--jugdir", "jugfile.jugdata", "--claims=link")
    assert (done.returncode, done.stdout) == (
        0,
        "jugfile.jugdata: claims in mode link from now on, for workers on any number of hosts\n",
    )
    assert jug("check").returncode == 0
    jug.write(JOBS + "results = [step(n) for n in range(16)]\n")
    done = jug("execute", "--will-cite", "--claims=link")
    assert (done.returncode, done.stderr) == (0, "")
    assert jug("pack", "--force").returncode == 0
    assert not list(jug.folder.glob("jugfile.jugdata/segments/*"))
    assert jug("check").returncode == 0
    assert jug("fsck").returncode == 0


def test_a_jugdir_is_not_opened_to_other_hosts_while_somebody_works_there(jug):
    jug.write(
        """
        import os, time
        from jug import TaskGenerator

        @TaskGenerator
        def waits():
            open('begun', 'w').close()
            while not os.path.exists('end'):
                time.sleep(.01)

        waits()
        """
    )
    worker = jug.start("execute", "--will-cite", "--claims=posix")
    wait_for((jug.folder / "begun").exists, "the task to begin")
    refused = jug("init-store", "--jugdir", "jugfile.jugdata", "--claims=link")
    assert refused.returncode == 1
    assert "jugfile.jugdata is in use by worker " in refused.stderr
    assert "claims posix\n" in (jug.folder / "jugfile.jugdata" / "FORMAT").read_text()
    (jug.folder / "end").touch()
    worker.communicate(timeout=30)
    assert worker.returncode == 0
    assert jug("init-store", "--jugdir", "jugfile.jugdata", "--claims=link").returncode == 0
