"""Tasks that close stdin, stdout or stderr of their worker: what others print then goes into no file."""

from __future__ import annotations

import pytest

from tests.support.redis_jug import RedisJug

JUGFILE = """
    import os
    from jug import TaskGenerator

    @TaskGenerator
    def close(descriptors):
        for descriptor in descriptors:
            os.close(descriptor)
        return 7

    @TaskGenerator
    def ok(i):
        try:
            os.write(1, b"hello\\n")
            os.write(2, b"hello\\n")
        except OSError:
            # It is closed still.
            pass
        return i

    closed = close({descriptors})
    done = [ok(i) for i in range(50)]
"""

#: Reads the results as another process does.
SHOW = """
    import jug
    jug.set_jugdir({jugdir!r})
    import jugfile
    print(jug.value(jugfile.closed), jug.value(jugfile.done) == list(range(50)))
"""


@pytest.fixture(params=["posix", "link", "redis"])
def store(request, jug):
    """The command `jug` with a jugdir in each mode of claims, or with a redis server."""
    if request.param == "redis":
        return RedisJug(jug, request.getfixturevalue("redis_server"))
    assert jug("init-store", f"--claims={request.param}").returncode == 0
    return jug


@pytest.mark.parametrize("descriptors", [(1, 2), (0, 1, 2), (1,)], ids=str)
@pytest.mark.parametrize("options", [(), ("-n", "1")], ids=["plain", "n1"])
def test_no_result_is_lost_where_a_task_closes_standard_descriptors(store, options, descriptors):
    store.write(JUGFILE.format(descriptors=descriptors))
    done = store("execute", "--will-cite", *options)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    status = store("status", "--short")
    assert (status.returncode, status.stderr) == (0, "")
    assert status.stdout == "All tasks complete (51 tasks).\n"
    jugdir = store.server.url if isinstance(store, RedisJug) else "jugfile.jugdata"
    assert store.python(SHOW.format(jugdir=jugdir)).stdout == "7 True\n"


def test_a_new_connection_to_a_server_takes_no_standard_descriptors_place(jug, redis_server):
    store = RedisJug(jug, redis_server)
    store.write(f"""
        import os, socket
        from urllib.parse import urlsplit
        from jug import TaskGenerator

        @TaskGenerator
        def disconnect():
            place = urlsplit({redis_server.url!r})
            with socket.create_connection((place.hostname, place.port)) as own:
                os.close(1)
                own.sendall(b"CLIENT KILL TYPE normal SKIPME yes\\r\\n")
                assert own.recv(100).startswith(b":")
            return 0

        @TaskGenerator
        def ok(before):
            os.write(1, b"SET jug:spoiled yes\\r\\n")
            return before + 1

        last = disconnect()
        for _ in range(5):
            last = ok(last)
    """)
    done = store("execute", "--will-cite")
    assert done.returncode == 0, done.stderr
    assert redis_server.cli("EXISTS", "jug:spoiled").strip() == "0"
    assert store.short() == "All tasks complete (6 tasks)."
