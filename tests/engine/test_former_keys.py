"""Results under keys of an earlier version: they are counted, not used, and cleaned up."""

from __future__ import annotations

import pytest

JUGFILE = """
    import enum
    import os
    from jug import TaskGenerator, barrier

    class Threshold(enum.Enum):
        LOW = float(os.environ.get('V', 1))

    @TaskGenerator
    def cut(threshold, by=1):
        return threshold.value / by

    @TaskGenerator
    def double(x):
        return 2 * x

    low = cut(Threshold.LOW)
    out = double(low)
    plain = double(4)
    barrier()
    late = cut(Threshold.LOW, 4)
"""

STORE_FORMERLY = """
    import jug
    from jug import _native, task

    store, _ = jug.init('jugfile.py', {jugdir!r})
    graph = _native.Graph(task.alltasks)
    for key in graph.former_keys(graph.changed()):
        store.dump('formerly', key.hex().encode())
    store.close()
"""


@pytest.fixture(params=["file", "redis"])
def jugdir(request):
    if request.param == "file":
        return "jugfile.jugdata"
    return request.getfixturevalue("redis_server").url


def value_of(jug, jugdir, name, v="1"):
    done = jug.python(
        f"""
        import os
        os.environ['V'] = {v!r}
        import jug
        _, space = jug.init('jugfile.py', {jugdir!r})
        print(jug.value(space[{name!r}]))
        """
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_member_whose_value_was_edited_gives_another_result(jug, jugdir):
    jug.write(JUGFILE)
    for v, out in [("1", "2.0"), ("2", "4.0")]:
        done = jug("execute", "--jugdir", jugdir, env={"V": v})
        assert (done.returncode, done.stderr) == (0, "")
        assert value_of(jug, jugdir, "out", v) == out


def test_results_under_former_keys_are_counted_once_and_cleaned_up(jug, jugdir):
    jug.write(JUGFILE)
    done = jug.python(STORE_FORMERLY.format(jugdir=jugdir))
    assert done.returncode == 0, done.stderr
    done = jug("execute", "--jugdir", jugdir)
    assert done.returncode == 0, done.stderr
    assert done.stderr == (
        "jug: warning: 2 results lie under keys of an earlier version, which gave some different values "
        "the same key; their tasks run again, and `jug cleanup` removes what is no longer needed\n"
    )
    assert (value_of(jug, jugdir, "out"), value_of(jug, jugdir, "late")) == ("2.0", "0.25")
    assert jug("execute", "--jugdir", jugdir).stderr == ""
    assert "Removed 2" in jug("cleanup", "--jugdir", jugdir).stdout
    assert "(4 tasks)" in jug("status", "--short", "--jugdir", jugdir).stdout


def test_former_keys_are_computed_only_where_something_else_is_stored(jug):
    jug.write(
        """
        import enum
        from jug import TaskGenerator

        class Colour(enum.Enum):
            RED = 1

        class Counted:
            asked = 0

            def __reduce__(self):
                Counted.asked += 1
                return Counted, ()

        @TaskGenerator
        def asked(x, counted):
            return Counted.asked

        out = asked(Colour.RED, Counted())
        """
    )
    # Once for the key, and once for the copy that each task gets.
    for stored, times in [(False, "2"), (True, "3")]:
        if stored:
            done = jug.python("import jug; jug.init('jugfile.py', 'jugfile.jugdata')[0].dump(1, b'other')")
            assert done.returncode == 0, done.stderr
        assert jug("invalidate", "--name", "jugfile.asked").returncode == 0
        assert jug("execute").returncode == 0
        assert value_of(jug, "jugfile.jugdata", "out") == times
