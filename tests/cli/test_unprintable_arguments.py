"""Arguments of which Python gives no text, in what is printed of tasks."""

from __future__ import annotations

import json


def test_arguments_that_cannot_be_printed_end_no_command(jug):
    jug.write(
        """
        from fractions import Fraction
        from jug import TaskGenerator

        class Rude:
            def __repr__(self):
                raise ZeroDivisionError

        @TaskGenerator
        def f(x):
            return 1

        for x in (10**5000, [10**5000], {10**5000}, Fraction(10**5000), Rude(), "\\ud800"):
            f(x)
        """
    )
    assert jug("execute").returncode == 0
    calls = {task["call"] for task in json.loads(jug("provenance", "--json", "f").stdout)["tasks"]}
    number = "int of 16610 bits"
    assert calls == {number, f"[{number}]", f"{{{number}}}", "Fraction(...)", "Rude(...)", r"'\ud800'"}
    jug.write((jug.folder / "jugfile.py").read_text().replace("10**5000", "10**5001"))
    done = jug("explain", "f")
    assert (done.returncode, done.stderr) == (0, "")
    assert "jugfile.f(int of 16613 bits)" in done.stdout
    done = jug("export", "--to", "crate", "--name", "f")
    assert "is not there" in done.stderr
    assert "Traceback" not in done.stderr
