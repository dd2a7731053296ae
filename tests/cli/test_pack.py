"""jug pack: what it says, and that nobody sees a difference afterwards."""

import os

PARTS = """
    from jug import TaskGenerator

    @TaskGenerator
    def square(x):
        return x * x

    @TaskGenerator
    def large(x):
        return bytes(range(256)) * 40 + str(x).encode() * 100_000

    squares = [square(i) for i in range(50)]
    blobs = [large(i) for i in range(3)]
"""


def _files(jug, folder):
    return sorted(os.listdir(jug.folder / "jugfile.jugdata" / folder))


def test_pack_says_what_it_did_and_leaves_everything_as_it_was(jug):
    jug.write(PARTS)
    for _ in range(5):
        jug("execute", env={"JUG_MAX_TASKS": "5"})
    jug("execute")
    before = jug("status").stdout
    assert len(_files(jug, "segments")) == 6
    done = jug("pack")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[0] == "Packed 53 objects"
    assert "53 results are in packs now" in lines[1]
    assert "files: 6 before, 3 after" in lines[2]
    assert _files(jug, "segments") == []
    assert jug("status").stdout == before
    assert jug("execute", "--short", "--will-cite").stdout.startswith(
        "Executed:  0 tasks\nLoaded:  53 tasks\n"
    )
    assert jug("pack", "--short").stdout == "Packed 0 objects\n"
    shown = jug.python("""
        import jug
        jug.init("jugfile.py", "jugfile.jugdata")
        import jugfile
        print(jug.value(jugfile.squares)[7], len(jug.value(jugfile.blobs)[2]))
    """)
    assert shown.stdout == "49 110240\n", shown.stderr


def test_what_is_packed_can_be_invalidated_and_run_again(jug):
    jug.write(PARTS)
    jug("execute")
    jug("pack", "--force")
    assert jug("invalidate", "--name", "square", "--short").stdout.startswith("Invalidated:  50 tasks")
    assert jug("status", "--short").stdout.startswith("50 tasks waiting to be run, 0 failed, 3 complete")
    assert jug("execute", "--short", "--will-cite").stdout.startswith("Executed:  50 tasks\n")
    assert jug("pack", "--short", "--force").stdout == "Packed 50 objects\n"
    assert jug("check").returncode == 0


def test_pack_works_without_a_jugfile_and_where_there_is_nothing(jug):
    jug.write(PARTS)
    done = jug("pack", "--jugdir", "nothing")
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "Packed 0 objects")
    assert not (jug.folder / "nothing").exists()
    jug("execute")
    (jug.folder / "jugfile.py").unlink()
    assert jug("pack", "--force", "--jugdir", "jugfile.jugdata").stdout.startswith("Packed 53 objects\n")


def test_pack_refuses_a_store_that_is_no_directory(jug):
    jug.write(PARTS)
    done = jug("pack", "--jugdir", "dict_store")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "jug: error: this store cannot be packed: only a jugdir on a filesystem can\n"


def test_many_segments_are_packed_by_the_worker_that_ends_and_not_with_no_pack(jug):
    jug.write("""
        from jug import TaskGenerator

        @TaskGenerator
        def nothing(x):
            return x

        results = [nothing(i) for i in range(10)]
    """)
    jug("execute")
    [segment] = _files(jug, "segments")
    folder = jug.folder / "jugfile.jugdata" / "segments"
    data = (folder / segment).read_bytes()
    wid = segment.removesuffix("-0.seg")
    for i in range(1, 70):
        # Of the same worker, whose earlier segments a replay after failed writes may have left.
        (folder / f"{wid}-{i}.seg").write_bytes(data)
    jug("execute", "--no-pack")
    assert len(_files(jug, "segments")) == 70
    jug("execute")
    assert _files(jug, "segments") == []
    assert jug("check").returncode == 0


def test_what_would_make_the_jugdir_larger_is_not_packed_and_that_is_said(jug):
    """One small segment, beside which a pack would need an index; with --force it is packed all the same."""
    jug.write(PARTS)
    jug("execute")
    before = _files(jug, "segments")
    done = jug("pack")
    assert done.returncode == 0
    assert done.stdout.startswith("Packed 0 objects\n")
    assert "nothing was packed: a pack would take" in done.stdout
    assert _files(jug, "segments") == before
    assert jug("pack", "--short", "--force").stdout == "Packed 53 objects\n"
    assert _files(jug, "segments") == []
