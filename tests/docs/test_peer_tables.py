"""What is measured of other packages: that it is checked, and what the tables say of it."""

import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from benches import common, overhead, peer_tables, peers
from benches.peer_tables import Cost
from tests.support.missing import missing

PEERS = peers.PEERS
OURS = PEERS[0]
ALWAYS = next(peer for peer in PEERS if peer.is_ours() and peer.synced)
JUG = next(peer for peer in PEERS if peer.package == "jug")
JOBLIB = next(peer for peer in PEERS if peer.package == "joblib")
DASK = next(peer for peer in PEERS if peer.package == "dask")
COST = Cost(few=0.1, all=20_000.0, again=0.25, task=5.0, remembered=1.0, syncs=0.0, files=0.0, bytes=60.0)


@pytest.fixture(autouse=True)
def work(tmp_path, monkeypatch):
    """Measurements leave nothing in the checkout, and need no other package."""
    monkeypatch.setattr(common, "WORK", tmp_path)
    monkeypatch.setattr(peers.Peer, "version", lambda peer: f"{peer.package} 1.0")


def made_up():
    """Costs of packages that sync each task and that do not."""
    return {
        OURS: COST,
        ALWAYS: dataclasses.replace(COST, task=400.0, syncs=1.0),
        JUG: dataclasses.replace(COST, task=7722.66, remembered=200.0, syncs=2.02),
        JOBLIB: dataclasses.replace(COST, task=49.0, remembered=20_000.0, syncs=-0.01),
        DASK: dataclasses.replace(COST, task=600.0, remembered=None),
    }


def lines(text, peer):
    """The lines of the tables that are about a package."""
    found = [line for line in text.splitlines() if line.startswith(f"| {peer.name} |")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in found]


def test_each_package_is_compared_like_for_like() -> None:
    """One that syncs each task with this one doing the same, any other with the default; so is the goal."""
    text = peer_tables.section(made_up(), 3, [])
    assert text.startswith("Medians of 3 rounds in turns; jug 1.0, joblib 1.0, dask 1.0.")
    assert lines(text, JUG)[0][1:] == ["1", "500", "7,723", "1,545", "`--sync=always`", "19.3", "yes"]
    assert lines(text, JOBLIB)[0][1:] == ["1", "1,000", "49", "9.80", "default", "9.80", "no"]
    assert lines(text, DASK)[0][3:] == ["600", "120", "default", "120", "yes"]
    assert lines(text, OURS)[0][3:] == ["5", "", "", "", ""]


def test_a_remembered_task_is_compared_with_the_default() -> None:
    """Where all is remembered, nothing is written."""
    text = peer_tables.of_remembered(made_up())
    assert lines(text, JUG) == [["jug", "1", "200", "200", "yes"]]
    assert lines(text, JOBLIB) == [["joblib.Memory", "1", "20,000", "20,000", "yes"]]
    assert lines(text, DASK) == [["dask.distributed", "1", "runs again", "", ""]]
    assert lines(text, OURS) == [["jug-rs", "1", "1", "", ""]]
    assert lines(text, ALWAYS) == []


def test_what_is_traced_says_whether_a_package_waits_for_the_disk() -> None:
    """What is known of it counts where nothing was traced."""
    assert peer_tables.waits(JUG, dataclasses.replace(COST, syncs=None))
    assert not peer_tables.waits(JOBLIB, dataclasses.replace(COST, syncs=None))
    assert not peer_tables.waits(JUG, COST)
    assert peer_tables.waits(JOBLIB, dataclasses.replace(COST, syncs=1.0))


def test_numbers_are_plain() -> None:
    """No exponents, no zero below zero."""
    text = peer_tables.section(made_up(), 1, [])
    assert "One round; " in text
    assert lines(text, JOBLIB)[2] == ["joblib.Memory", "1", "1,000", "0.100", "20,000", "0.250"]
    assert lines(text, JOBLIB)[3][2:] == ["0", "0", "60"]
    assert lines(text, JUG)[3][2:] == ["2", "0", "60"]
    shown = {
        7722.66: "7,723",
        46_532_498: "46,532,498",
        32.801: "32.8",
        0.0123: "0.0123",
        -0.0: "0",
        2.0: "2",
    }
    assert {value: common.number(value) for value in shown} == shown
    assert common.number(1.2345) == "1.23"


def test_what_is_below_noise_is_no_number() -> None:
    """Many tasks that took no longer than a few did say nothing of a task."""
    costs = made_up() | {JOBLIB: dataclasses.replace(COST, task=-3.0, remembered=-1.0)}
    text = peer_tables.section(costs, 3, [])
    assert lines(text, JOBLIB)[0][3:] == ["noise", "?", "default", "?", "?"]
    assert lines(text, JOBLIB)[1][2:] == ["noise", "?", "?"]
    rows = {row.what: row for row in peer_tables.rows(costs)}
    assert rows["a task, joblib.Memory x1"].met() == "?"
    assert overhead.middle([3.0, 1.0, 2.0]) == 2.0
    assert overhead.middle([3.0, -1.0, 2.0]) == "noise"


def test_rows_compare_like_for_like_too() -> None:
    """With the goal, and whether it is met."""
    rows = {row.what: row for row in peer_tables.rows(made_up())}
    assert len(rows) == 5
    jug = rows["a task, jug x1"]
    assert (jug.ours, jug.shown_ratio(), jug.shown_goal(), jug.met()) == (
        400.0,
        "1/19.3",
        "ratio 1/10",
        "yes",
    )
    assert rows["a task, joblib.Memory x1"].met() == "no"
    assert rows["the same remembered, jug x1"].ours == 1.0


def test_without_ours_nothing_is_compared() -> None:
    """Where ours failed, the costs of the others are still there."""
    costs = {JUG: made_up()[JUG]}
    assert lines(peer_tables.section(costs, 1, []), JUG)[0][3:] == ["7,723", "?", "`--sync=always`", "?", "?"]
    assert [row.met() for row in peer_tables.rows(costs)] == ["?", "?"]


def test_goals_of_a_ratio_and_of_a_value_are_judged_each() -> None:
    """A ratio that is not known has a question mark."""
    assert common.Row("", 10.0, 7.0, "s", 1 / 1.6, 8.0).met() == "no, yes"
    assert common.Row("", 10.0, 7.0, "s", 1 / 1.6, 8.0).shown_goal() == "ratio 1/1.6, 8 s"
    assert common.Row("", "-", 9.0, "s", 3.0, 8.0).met() == "?, no"
    assert common.Row("", "-", 9.0, "s").met() == ""


def test_ours_computes_what_it_should_and_remembers_it() -> None:
    """The measurement checks the sum and that the second run stores nothing."""
    twice = peers.run_twice(dataclasses.replace(OURS, processes=2), 30)
    assert twice.files > 0
    assert twice.bytes > 0
    assert twice.bytes % 512 == 0


def test_a_wrong_sum_is_an_error() -> None:
    """A package that lost a result is not measured."""
    folder = peers.project(OURS, "test")
    done = peers.run(OURS, folder, 9)
    peers.check_total(OURS, folder, 9, done)
    wrong = dataclasses.replace(OURS, total=lambda python, tasks: [python, "-c", "print(80)"])
    with pytest.raises(peers.WrongResult, match="'80"):
        peers.check_total(wrong, folder, 9, done)


def test_a_run_that_forgot_everything_is_an_error() -> None:
    """Otherwise its second run would count as one that remembers."""

    def forgets(python, tasks, workers):
        return ["sh", "-c", 'rm -rf results; exec "$@"', "sh", *OURS.words(python, tasks, workers)]

    with pytest.raises(peers.WrongResult, match="wrote"):
        peers.run_twice(dataclasses.replace(OURS, words=forgets), 5)


def test_a_package_that_fails_is_left_out_and_named() -> None:
    """What was measured of the others is kept."""
    wrong = dataclasses.replace(OURS, name="wrong", total=lambda python, tasks: [python, "-c", "print(80)"])
    broken = dataclasses.replace(OURS, name="broken", words=lambda python, tasks, workers: ["false"])
    few = dataclasses.replace(OURS, tasks=30)
    found = peers.measure((wrong, broken, few), rounds=1)
    assert list(found.costs()) == [few]
    failures = list(found.failed.values())
    assert failures == ["broken x1: exit status 1 instead of 0", "wrong x1: wrong: '80\\n' instead of 100"]
    text = peer_tables.section(found.costs(), found.rounds, failures)
    assert "Left out, because it failed: broken x1: exit status 1 instead of 0" in text


def test_no_round_begins_that_there_is_no_time_for() -> None:
    """One there is in any case."""
    assert peers.measure((dataclasses.replace(OURS, tasks=20),), rounds=3, seconds=0).rounds == 1


def test_all_ways_to_the_disk_are_counted(monkeypatch) -> None:
    """Those of a file, of a filesystem, and of all."""
    if shutil.which("strace") is None:
        missing("there is no strace")
    monkeypatch.setattr(peers, "TRACED", 1)
    code = (
        "import ctypes, os, sys; file = os.open('file', os.O_CREAT | os.O_WRONLY); libc = ctypes.CDLL(None)\n"
        "for _ in range(int(sys.argv[1]) - 10):\n"
        "    os.sync(); libc.syncfs(file); os.fsync(file); os.fdatasync(file)"
    )
    syncing = dataclasses.replace(OURS, words=lambda python, tasks, workers: [python, "-c", code, tasks])
    assert peers.syncs(syncing) == 4
    assert peers.synced("7  fsync(3 <unfinished ...>\n8  sync() = 0\n7  <... fsync resumed>) = 0\n") == 2


def test_one_process_that_fails_fails_all(tmp_path) -> None:
    """Of several that are started together."""
    script = "import os, sys; os.mkdir('first')"
    assert common.together(2, [common.OURS, "-c", script], tmp_path).exit_status == 1
    done = common.together(2, ["sh", "-c", "echo one; echo two >&2"], tmp_path)
    assert (done.exit_status, done.stdout, done.stderr) == (0, "one\none\n", "two\ntwo\n")


def test_what_processes_cost_is_added_up(tmp_path) -> None:
    """Their CPU time, but not their memory."""
    script = "import time; x = b'x' * 300_000_000\nwhile time.process_time() < 0.2: pass"
    call = f"common.together(3, [common.OURS, '-c', {script!r}], Path({str(tmp_path)!r}))"
    code = f"from pathlib import Path; from benches import common; run = {call}; print(run.cpu, run.peak)"
    # The peak of a process begins with the memory of the one that forked it: that is to be a small one.
    measured = [sys.executable, "-c", code]
    shown = subprocess.run(measured, cwd=common.ROOT, check=True, capture_output=True, text=True).stdout
    cpu, peak = map(float, shown.split())
    assert cpu >= 0.6
    assert 286 < peak < 858


def test_one_process_that_fails_ends_the_others(tmp_path) -> None:
    """Whichever was started first."""
    waits = "if mkdir first 2>/dev/null; then echo $$ > pid; exec sleep 600; fi"
    script = f"{waits}; until [ -s pid ]; do :; done; exit 3"
    assert common.together(2, ["sh", "-c", script], tmp_path).exit_status == 3
    assert not alive(int((tmp_path / "pid").read_text()))


def test_processes_end_where_a_measurement_is_interrupted(tmp_path) -> None:
    """By Ctrl-C, also those that do not get it themselves."""
    script = "trap '' INT; echo $$ > pid.$$; mv pid.$$ ready.$$; exec sleep 600"
    call = f"common.together(2, ['sh', '-c', {script!r}], Path({str(tmp_path)!r}))"
    code = f"from pathlib import Path; from benches import common; {call}"
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=common.ROOT, stderr=subprocess.DEVNULL
    ) as process:
        while len(list(tmp_path.glob("ready.*"))) < 2:
            assert process.poll() is None
            time.sleep(0.01)
        # The second one may be there before the call that started it has returned.
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        assert process.wait() != 0
    assert not any(alive(int(path.read_text())) for path in tmp_path.glob("ready.*"))


def alive(pid: int) -> bool:
    """Whether a process runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
