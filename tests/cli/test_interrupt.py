"""Ctrl-C: each command says what it leaves behind, and nothing that is not so."""

import signal
import time

import pytest

SAID = {
    ("execute",): "; what was finished is stored",
    ("status",): "",
    ("check",): "",
    ("fsck",): "; nothing was changed",
    ("fsck", "--repair"): "; no result that could be read is lost; run it again to finish the repair",
    ("pack",): "; all results are as they were",
    ("cleanup",): "; what was not removed yet is still there: run it again",
    ("invalidate", "--name", "step"): "; some results may be invalid already: run it again",
}


@pytest.mark.parametrize("command", SAID, ids=" ".join)
def test_ctrl_c_says_what_is_left(jug, command):
    jug.write("""
        import time

        open("begun", "w").close()
        time.sleep(60)
    """)
    running = jug.start(*command)
    deadline = time.monotonic() + 60
    while not (jug.folder / "begun").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=60)
    assert (running.returncode, err) == (130, f"jug: interrupted{SAID[command]}\n")
