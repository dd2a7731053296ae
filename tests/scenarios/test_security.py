"""Who can read and write what jug creates, and what becomes of things that somebody put in its way."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jug.internal.files import temporary_name
from tests.support.command import Jug

JOBS = """
    from jug import TaskGenerator

    @TaskGenerator
    def small(x):
        return x

    @TaskGenerator
    def large(x):
        import hashlib
        return hashlib.shake_128(b"%d" % x).digest(100_000)

    @TaskGenerator
    def fails():
        raise ValueError("no")

    results = [small(i) for i in range(5)], [large(i) for i in range(3)], fails()
"""


def run(jug: Jug, umask: int, *args: str) -> subprocess.CompletedProcess[str]:
    """Runs ``jug ARGS`` under a umask."""
    return subprocess.run(
        [sys.executable, "-m", "jug", *args],
        cwd=jug.folder,
        env=jug.env(),
        umask=umask,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def modes(root: Path) -> dict[str, int]:
    """The permissions of everything below a directory, and its own."""
    found = [root, *root.rglob("*")]
    return {str(path.relative_to(root)): stat.S_IMODE(path.lstat().st_mode) for path in found}


def check_modes(root: Path, umask: int) -> None:
    """Files and directories have what the umask leaves of what they may have at most."""
    found = modes(root)
    for name, mode in found.items():
        most = 0o775 if (root / name).is_dir() else 0o664
        assert oct(mode) == oct(most & ~umask), name
        assert not mode & stat.S_IWOTH


@pytest.mark.parametrize("claims", ["posix", "link"])
@pytest.mark.parametrize("umask", [0o077, 0o022, 0o002, 0o000], ids=lambda umask: f"umask {umask:03o}")
def test_all_files_of_a_jugdir_have_the_permissions_that_the_umask_leaves(jug, umask, claims):
    """In segments, blobs, packs, manifest, workers, claims and quarantine; never may everybody write."""
    jug.write(JOBS)
    jugdir = jug.folder / "a" / "new.jugdata"
    where = ("--jugdir", "a/new.jugdata")
    assert run(jug, umask, "execute", "--keep-going", f"--claims={claims}", *where).returncode == 1
    check_modes(jugdir, umask)
    blob = next(path for path in (jugdir / "blobs").rglob("*") if path.is_file())
    blob.write_bytes(b"damaged")
    assert run(jug, umask, "pack", *where).returncode == 0
    assert run(jug, umask, "fsck", "--repair", *where).returncode == 1
    run(jug, umask, "execute", "--keep-going", *where)
    check_modes(jugdir, umask)
    found = {name.split("/")[0] for name in modes(jugdir)}
    parts = {"FORMAT", "workers", "segments", "blobs", "packs", "claims", "quarantine"}
    assert parts <= found, "everything was looked at"
    assert any(name.startswith("packs/MANIFEST-") for name in modes(jugdir))


@pytest.mark.parametrize("umask", [0o077, 0o022, 0o000], ids=lambda umask: f"umask {umask:03o}")
def test_files_beside_a_jugdir_have_the_permissions_that_the_umask_leaves(jug, umask):
    """The file of a dict_store, a status cache, and what is exported for jug 2.7."""
    jug.write(JOBS.replace(", fails()", ""))
    assert run(jug, umask, "execute", "--jugdir", "dict_store:results").returncode == 0
    assert run(jug, umask, "execute").returncode == 0
    assert run(jug, umask, "status", "--cache").returncode == 0
    assert run(jug, umask, "adopt", "--export", "old").returncode == 0
    check_modes(jug.folder / "old", umask)
    assert stat.S_IMODE((jug.folder / "results").stat().st_mode) == 0o664 & ~umask
    cache = stat.S_IMODE((jug.folder / ".jugstatus.sqlite3").stat().st_mode)
    assert not cache & (umask | stat.S_IWOTH)
    assert not list(jug.folder.glob(".dict_store-*")) + list(jug.folder.glob(".old-*"))


def link_to_file(at: Path) -> None:
    at.symlink_to(at.parent / "outside")


def link_to_nothing(at: Path) -> None:
    at.symlink_to(at.parent / "nothing")


def link_to_directory(at: Path) -> None:
    (at.parent / "directory").mkdir()
    at.symlink_to(at.parent / "directory")


PLANTS = [link_to_file, link_to_nothing, link_to_directory, os.mkfifo]


@pytest.fixture
def planted(jug: Jug, request: pytest.FixtureRequest) -> Iterator[Callable[[str], None]]:
    """Puts something in the place of a file, and looks in the end that what a link leads to is as it was."""
    outside = jug.folder / "outside"
    outside.write_text("")
    os.utime(outside, (1, 1))

    def plant(name: str) -> None:
        request.param(jug.folder / name)

    yield plant
    assert (outside.read_text(), outside.stat().st_mtime) == ("", 1)
    assert not (jug.folder / "nothing").exists()
    directory = jug.folder / "directory"
    assert not directory.exists() or not list(directory.iterdir())


def refused(done: subprocess.CompletedProcess[str], name: str) -> None:
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert name in line


@pytest.mark.parametrize("planted", PLANTS, indirect=True)
@pytest.mark.parametrize("command", ["status", "execute", "cleanup", "fsck", "pack"])
def test_what_is_planted_as_format_is_refused(jug, planted, command):
    jug.write(JOBS)
    (jug.folder / "jugfile.jugdata").mkdir()
    planted("FORMAT")
    os.rename(jug.folder / "FORMAT", jug.folder / "jugfile.jugdata" / "FORMAT")
    refused(jug(command, timeout=60), "jugfile.jugdata/FORMAT")


@pytest.mark.parametrize("planted", [link_to_file, link_to_nothing, os.mkfifo], indirect=True)
def test_what_is_planted_as_jugdir_is_refused(jug, planted):
    jug.write(JOBS)
    planted("jugfile.jugdata")
    refused(jug("execute", timeout=60), "jugfile.jugdata")


@pytest.mark.parametrize("planted", PLANTS, indirect=True)
def test_what_is_planted_as_status_cache_is_refused(jug, planted):
    jug.write(JOBS)
    planted(".jugstatus.sqlite3")
    refused(jug("status", "--cache", timeout=60), ".jugstatus.sqlite3")


@pytest.mark.parametrize("planted", [link_to_file, link_to_nothing], indirect=True)
def test_a_link_planted_as_the_journal_of_a_status_cache_is_not_followed(jug, planted):
    jug.write(JOBS)
    planted(".jugstatus.sqlite3-journal")
    done = jug("status", "--cache", timeout=60)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("planted", [os.mkfifo, link_to_directory], indirect=True)
def test_what_is_planted_as_file_of_a_dict_store_is_refused(jug, planted):
    jug.write(JOBS)
    planted("results")
    refused(jug("status", "--jugdir", "dict_store:results", timeout=60), "results")


@pytest.mark.parametrize("planted", [link_to_nothing], indirect=True)
def test_a_dict_store_takes_the_place_of_a_link_and_does_not_follow_it(jug, planted):
    jug.write(JOBS.replace(", fails()", ""))
    planted("results")
    assert jug("execute", "--jugdir", "dict_store:results", timeout=60).returncode == 0
    assert (jug.folder / "results").is_file()
    assert not (jug.folder / "results").is_symlink()


@pytest.mark.parametrize("planted", PLANTS, indirect=True)
def test_what_is_planted_where_results_are_to_be_exported_is_refused(jug, planted):
    jug.write(JOBS.replace(", fails()", ""))
    assert jug("execute").returncode == 0
    planted("old")
    refused(jug("adopt", "--export", "old", timeout=60), "old")


def test_temporary_names_cannot_be_guessed():
    """Each has 128 bits of the system's randomness."""
    names = {temporary_name("folder", ".prefix-") for _ in range(100)}
    assert len(names) == 100
    assert all(len(bytes.fromhex(name.removeprefix("folder/.prefix-"))) == 16 for name in names)


SECRET = "top5ecret"


@pytest.mark.parametrize(
    "url",
    [
        f"redis://:{SECRET}@127.0.0.1:1?retry=0",
        f"rediss://ann:{SECRET}@127.0.0.1:1?retry=0",
        f"redis://:{SECRET}@127.0.0.1:port",
        f"redis://:1/{SECRET}@127.0.0.1:1?retry=0",
        f"redis://:1?{SECRET}@127.0.0.1:1",
        f"redis://:%40{SECRET}@127.0.0.1:1?retry=0",
        f"redis::{SECRET}@127.0.0.1:port",
        f"redi://:{SECRET}@127.0.0.1",
    ],
)
@pytest.mark.parametrize("command", ["status", "init-store"])
def test_no_message_shows_a_password(jug, command, url):
    """Wrong URLs, servers that are not there, and percent signs that were not doubled."""
    jug.write(JOBS)
    done = jug(command, "--jugdir", url, timeout=60)
    assert done.returncode == 1
    assert SECRET not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_no_traceback_of_a_script_shows_a_password(jug):
    """Only its own source does; here that is in the environment."""
    done = jug.python(f"""
        import os
        os.environ["URL"] = "redis://:{SECRET}@127.0.0.1:1?retry=0"
        import jug
        try:
            jug.set_jugdir(os.environ["URL"])
            list(jug.Task.store.list())
        except Exception:
            import traceback
            traceback.print_exc()
    """)
    assert "127.0.0.1:1" in done.stderr
    assert SECRET not in done.stdout + done.stderr


def test_commands_on_a_server_with_a_password_never_show_it(jug, own_redis):
    server = own_redis("--requirepass", SECRET)
    url = f"redis://:{SECRET}@127.0.0.1:{server.port}"
    jug.write(JOBS)
    shown = ""
    for command in (
        ("execute", "--keep-going", "--debug"),
        ("status", "--verbose=info"),
        ("status", "--cache"),
        ("check",),
        ("count",),
        ("init-store",),
        ("fsck",),
        ("pack",),
        ("invalidate", "--name", "small"),
        ("cleanup",),
    ):
        done = jug(*command, "--jugdir", url)
        shown += done.stdout + done.stderr
    assert "jugfile.small" in shown
    assert SECRET not in shown
    assert not any(SECRET.encode() in path.read_bytes() for path in jug.folder.glob(".jugstatus*"))
