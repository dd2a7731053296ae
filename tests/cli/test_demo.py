"""jug demo: a newcomer's first minutes."""

import subprocess
import sys


def test_the_demo_can_be_followed_step_by_step(jug):
    done = jug("demo")
    assert done.returncode == 0
    assert "cd jug-demo" in done.stdout
    assert "jug execute primes.py" in done.stdout
    demo = jug.folder / "jug-demo"
    source = (demo / "primes.py").read_text()
    (demo / "primes.py").write_text(source.replace("sleep(0.2)", "sleep(0)"))

    def run(*args):
        command = [sys.executable, "-m", "jug", *args]
        return subprocess.run(command, cwd=demo, env=jug.env(), capture_output=True, text=True, check=False)

    assert run("status", "--short", "primes.py").stdout.startswith("102 tasks waiting")
    assert run("execute", "primes.py").returncode == 0
    assert (demo / "output.txt").read_text() == (
        "25 primes below 100\n"
        "  5 end in 1\n"
        "  1 end in 2\n"
        "  7 end in 3\n"
        "  1 end in 5\n"
        "  6 end in 7\n"
        "  5 end in 9\n"
    )


def test_the_demo_overwrites_nothing(jug):
    jug("demo")
    (jug.folder / "jug-demo" / "primes.py").write_text("mine\n")
    done = jug("demo")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "jug: error: jug-demo exists already; remove it or go to another directory\n"
    assert (jug.folder / "jug-demo" / "primes.py").read_text() == "mine\n"
