"""Results that vanish or rot while others still need them: they are computed again, without being asked."""

from __future__ import annotations

import shutil
import signal
import time
from collections import Counter
from pathlib import Path
from textwrap import dedent

import pytest

from tests.cli.test_users_backend import BACKEND
from tests.support.waiting import wait_for

JUGFILE = """
    import os, subprocess, sys
    from jug import TaskGenerator, barrier, bvalue, value

    def note(what):
        with open('ran.log', 'a') as log:
            log.write(f'{what}\\n')

    @TaskGenerator
    def large(i):
        note(f'large{i}')
        return bytes([i]) + os.urandom(200_000)

    @TaskGenerator
    def first(blob, i):
        note(f'first{i}')
        if i == 7 and os.path.exists('invalidate'):
            os.unlink('invalidate')
            subprocess.run(
                [sys.executable, '-m', 'jug', 'invalidate', '--name', 'large', 'jugfile.py'], check=True
            )
        return blob[0]
"""


def ran(folder: Path) -> Counter[str]:
    return Counter((folder / "ran.log").read_text().split())


def blobs(folder: Path) -> list[Path]:
    return sorted(folder.glob("jugfile.jugdata/blobs/*/*"))


def test_an_invalidation_while_a_batch_runs_makes_no_task_fail(jug):
    """Tasks of the same batch lose their inputs: they wait for them again."""
    jug.write(
        JUGFILE
        + """
    blobs = [large(i) for i in range(4)]
    numbers = [first(blobs[i % 4], i) for i in range(60)]
    """
    )
    (jug.folder / "invalidate").touch()
    done = jug("execute", "--will-cite")
    assert done.returncode == 0, done.stderr
    assert not (jug.folder / "invalidate").exists()
    assert jug("check").returncode == 0
    assert jug("status").stdout.splitlines()[-2].split()[:4] == ["0", "0", "0", "64"]


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"short")])
def test_a_damaged_input_is_computed_again_and_the_task_with_it(jug, damage):
    jug.write(JUGFILE + "    number = first(large(1), 1)\n")
    assert jug("execute", "--will-cite").returncode == 0
    assert jug("invalidate", "--name", "first").returncode == 0
    [blob] = blobs(jug.folder)
    damage(blob)
    # Two workers: the one that does not find the damage itself must learn of it.
    workers = [jug.start("execute", "--will-cite") for _ in range(2)]
    said = ""
    for worker in workers:
        _, err = worker.communicate(timeout=60)
        assert worker.returncode == 0, err
        said += err
    assert "damaged" in said
    assert "Traceback" not in said
    assert ran(jug.folder) == {"large1": 2, "first1": 2}
    assert jug("check").returncode == 0
    healed = jug("execute", "--will-cite")
    assert (healed.returncode, healed.stderr) == (0, "")


@pytest.mark.parametrize("use", ["bvalue(blob)", "(barrier(), value(blob))"])
def test_a_damaged_result_that_the_jugfile_itself_needs_blocks_no_command(jug, use):
    """It counts as not there: every command works, and execute computes it again."""
    jug.write(JUGFILE + f"    blob = large(1)\n    seen = {use}\n    number = first(blob, 1)\n")
    assert jug("execute", "--will-cite").returncode == 0
    [blob] = blobs(jug.folder)
    blob.write_bytes(bytes(blob.stat().st_size))
    status = jug("status")
    assert "1           0           0  jugfile.large" in status.stdout
    assert "damaged" in status.stderr
    assert "Traceback" not in status.stderr
    assert jug("check").returncode == 1
    done = jug("execute", "--will-cite")
    assert done.returncode == 0, done.stderr
    assert ran(jug.folder)["large1"] == 2
    again = jug("check")
    assert (again.returncode, again.stderr) == (0, "")


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"short")])
def test_a_large_result_that_nothing_needs_is_missed_all_the_same(jug, damage):
    """Status and check see that its file is gone or cut off, and execute computes it again."""
    jug.write(JUGFILE + "    blob = large(1)\n    small = first(b'x', 1)\n")
    assert jug("execute", "--will-cite").returncode == 0
    [blob] = blobs(jug.folder)
    damage(blob)
    assert jug("check").returncode == 1
    status = jug("status")
    assert "1           0           0  jugfile.large" in status.stdout
    assert "1 damaged records" in status.stderr
    assert jug("execute", "--will-cite").returncode == 0
    assert ran(jug.folder) == {"large1": 2, "first1": 1}
    healed = jug("check")
    assert (healed.returncode, healed.stderr) == (0, "")


@pytest.mark.parametrize("replaced", [False, True])
def test_a_worker_whose_jugdir_was_removed_says_so(jug, replaced):
    """It must not report success, whether or not there is a new jugdir in the place of the old one."""
    jug.write(
        """
    import os, time
    from jug import TaskGenerator

    @TaskGenerator
    def step(i):
        if i == 300:
            open('there', 'w').close()
            while not os.path.exists('go'):
                time.sleep(0.01)
        return i

    steps = [step(i) for i in range(301)]
    """
    )
    worker = jug.start("execute", "--will-cite")
    wait_for((jug.folder / "there").exists, "the first worker")
    shutil.rmtree(jug.folder / "jugfile.jugdata")
    if replaced:
        done = jug.python("from jug import _native; _native.Store('jugfile.jugdata').save(bytes(32), 1)")
        assert done.returncode == 0, done.stderr
    (jug.folder / "go").touch()
    _, err = worker.communicate(timeout=60)
    assert worker.returncode == 1
    assert "removed" in err
    assert "Traceback" not in err


def test_a_value_in_memory_is_not_used_once_another_worker_replaced_it(jug):
    """S3: invalidated and computed again between two looks, the old value must not live on in memory."""
    jug.write(
        """
    import os, time, uuid
    from jug import TaskGenerator

    @TaskGenerator
    def random():
        return uuid.uuid4().hex

    @TaskGenerator
    def late():
        open('late', 'w').close()
        while not os.path.exists('go'):
            time.sleep(0.01)

    @TaskGenerator
    def seen(value, _):
        return value

    value = random()
    copy = seen(value, late())
    """
    )
    other = jug.start("execute", "--will-cite", "--name", "late")
    wait_for((jug.folder / "late").exists, "the late task to start")
    worker = jug.start("execute", "--will-cite")
    deadline = time.monotonic() + 60
    while "1 complete" not in jug("status", "--short").stdout:
        assert time.monotonic() < deadline
    time.sleep(0.3)  # Now it waits, and holds no claim.
    worker.send_signal(signal.SIGSTOP)
    assert "1  Total" in jug("invalidate", "--name", "random").stdout
    assert jug("execute", "--will-cite", "--name", "random").returncode == 0
    (jug.folder / "go").touch()
    _, err = other.communicate(timeout=60)
    worker.send_signal(signal.SIGCONT)
    _, err = worker.communicate(timeout=60)
    assert worker.returncode == 0, err
    seen = jug.python(
        "import jug; _, s = jug.init('jugfile.py', 'jugfile.jugdata');"
        "print(jug.value(s['value']) == jug.value(s['copy']))"
    )
    assert seen.stdout.strip() == "True"


def test_a_task_that_looks_into_the_store_while_it_runs_is_as_old_as_its_claim(jug):
    """S3: what was made from an invalidated input does not count, whatever its task has learned since."""
    jug.write(
        """
    import os, time, uuid
    from jug import TaskGenerator

    @TaskGenerator
    def random():
        return uuid.uuid4().hex

    @TaskGenerator
    def seen(given):
        open('late', 'w').close()
        while not os.path.exists('go'):
            time.sleep(0.01)
        value.can_load()
        return given

    value = random()
    copy = seen(value)
    """
    )
    worker = jug.start("execute", "--will-cite")
    wait_for((jug.folder / "late").exists, "the late task to start")
    assert "1  Total" in jug("invalidate", "--name", "random").stdout
    (jug.folder / "go").touch()
    _, err = worker.communicate(timeout=60)
    assert worker.returncode == 0, err
    seen = jug.python(
        "import jug; _, s = jug.init('jugfile.py', 'jugfile.jugdata');"
        "print(jug.value(s['value']) == jug.value(s['copy']))"
    )
    assert seen.stdout.strip() == "True"


def test_what_is_released_can_be_seen(jug):
    """C2: a claim ends after the record is in the file, so that kill -9 right behind it costs nothing."""
    killed = jug.python(
        """
        import os, signal
        from jug.backends.file_store import file_store
        from jug.executors.base import Outcome
        from jug.engine.session.open import open_session
        session = open_session(file_store('jugdata'))
        keys = [bytes([i]) * 32 for i in range(20)]
        session.claim(keys)
        for key in keys:
            session.save(key, Outcome(1, None, 0.0, 0.0, 0.0), 'f', 1)
        session.release(keys)
        os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    left = jug.python("from jug import _native; print(len(_native.Store('jugdata').keys()))")
    assert left.stdout.strip() == "20"


def test_what_vanishes_from_a_store_of_the_users_own_is_computed_again(jug):
    """Such a store does not say what is gone, as when another worker took back what cannot be loaded."""
    jug.write(BACKEND, "mine.py")
    jug.write(
        "import jug, mine, os\njug.set_jugdir(mine.folder_store(os.path.abspath('kept')))\n"
        + dedent(JUGFILE)
        + dedent(
            """
            @TaskGenerator
            def second(number):
                note('second')
                if not os.path.exists('taken'):
                    open('taken', 'w').close()
                    for name in os.listdir('kept/results'):
                        os.unlink(f'kept/results/{name}')
                    raise KeyError('gone')
                return number

            second(first(large(1), 1))
            """
        )
    )
    done = jug("execute", "--will-cite", timeout=60)
    assert done.returncode == 0, done.stderr
    assert ran(jug.folder) == {"large1": 2, "first1": 2, "second": 2}
    assert "(3 tasks)" in jug("status", "--short").stdout
