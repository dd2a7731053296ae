"""Digests of files: read once as long as a file is what it was, in this process and in others."""

import hashlib
import os
import subprocess
import sys
import time

import pytest

from jug.internal import file_digests
from jug.internal.file_digests import Unusable, digest_of

LARGE = b"0123456789abcdef" * 200_000


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A directory, and an empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(file_digests, "_known", {})
    return tmp_path


def written(path, content):
    path.write_bytes(content)
    return str(path)


def settled(path, content):
    """A file that was changed longer ago than a digest needs to be kept."""
    name = written(path, content)
    time.sleep(2.1)
    return name


def right(content):
    return hashlib.blake2b(content, digest_size=32).hexdigest()


def entries(folder):
    there = folder / "cache" / "jug" / "digests"
    return sorted(there.iterdir()) if there.exists() else []


#: Prints the digest of a file, and how many bytes were read for it.
READER = """
import sys
from jug.internal.file_digests import digest_of
import hashlib
def read():
    return int(open("/proc/self/io").read().split("rchar: ")[1].split()[0])
before = read()
digest = digest_of(sys.argv[1])
print(digest, read() - before)
"""


def in_another_process(path):
    done = subprocess.run([sys.executable, "-c", READER, path], capture_output=True, text=True, check=True)
    digest, count = done.stdout.split()
    return digest, int(count)


@pytest.mark.parametrize("size", [0, 1, 1 << 20, (1 << 20) + 1, 3 << 20])
def test_the_digest_is_that_of_the_content(folder, size):
    content = os.urandom(size)
    assert digest_of(written(folder / "file", content)) == right(content)


def test_a_large_file_is_read_once_by_all_processes(folder):
    name = settled(folder / "file", LARGE)
    digest, count = in_another_process(name)
    assert (digest, count >= len(LARGE)) == (right(LARGE), True)
    digest, count = in_another_process(name)
    assert (digest, count < 100_000) == (right(LARGE), True)


@pytest.mark.parametrize("content", [LARGE, b"small"])
def test_what_was_changed_a_moment_ago_is_not_believed(folder, content):
    name = written(folder / "file", content)
    assert digest_of(name) == right(content)
    assert entries(folder) == []
    assert file_digests._known == {}


@pytest.mark.parametrize("content", [LARGE, b"small"])
def test_a_change_of_the_same_size_and_time_is_noticed(folder, content):
    path = folder / "file"
    name = settled(path, content)
    assert digest_of(name) == right(content)
    before = path.stat()
    other = content[:-1] + b"!"
    path.write_bytes(other)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert digest_of(name) == right(other)
    assert in_another_process(name)[0] == right(other)


def test_another_file_in_its_place_is_noticed(folder):
    name = settled(folder / "file", LARGE)
    assert digest_of(name) == right(LARGE)
    other = LARGE[::-1]
    os.replace(written(folder / "other", other), name)
    assert digest_of(name) == right(other)


def test_a_file_with_a_time_to_come_is_kept_all_the_same(folder):
    path = folder / "file"
    path.write_bytes(LARGE)
    os.utime(path, (time.time() + 1e6, time.time() + 1e6))
    time.sleep(2.1)
    assert digest_of(str(path)) == right(LARGE)
    assert len(entries(folder)) == 1


def test_no_byte_of_a_damaged_entry_gives_a_wrong_digest(folder):
    name = settled(folder / "file", LARGE)
    digest_of(name)
    (entry,) = entries(folder)
    sound = entry.read_bytes()
    file_digests._known.clear()
    for place in range(len(sound)):
        entry.write_bytes(sound[:place] + bytes([sound[place] ^ 1]) + sound[place + 1 :])
        assert file_digests._Entry(name, file_digests._Identity.of(os.stat(name))).read() == ""
        entry.write_bytes(sound[:place])
        assert file_digests._Entry(name, file_digests._Identity.of(os.stat(name))).read() == ""
    assert digest_of(name) == right(LARGE)
    # It is mended.
    assert entry.read_bytes() == sound


def test_the_entry_of_another_file_is_not_believed(folder):
    one, other = written(folder / "one", LARGE), settled(folder / "other", LARGE[::-1])
    digest_of(one)
    (entry,) = entries(folder)
    digest_of(other)
    (theirs,) = set(entries(folder)) - {entry}
    file_digests._known.clear()
    theirs.write_bytes(entry.read_bytes())
    assert digest_of(other) == right(LARGE[::-1])


def test_without_a_place_for_the_cache_files_are_read(folder):
    (folder / "cache").write_text("in the way")
    name = settled(folder / "file", LARGE)
    assert digest_of(name) == right(LARGE)
    assert in_another_process(name)[0] == right(LARGE)


def test_many_processes_at_the_same_time_agree_and_leave_one_entry(folder):
    name = settled(folder / "file", LARGE)
    processes = [
        subprocess.Popen([sys.executable, "-c", READER, name], stdout=subprocess.PIPE, text=True)
        for _ in range(6)
    ]
    assert {process.communicate(timeout=60)[0].split()[0] for process in processes} == {right(LARGE)}
    assert len(entries(folder)) == 1
    assert in_another_process(name)[1] < 100_000


def test_what_is_no_readable_file_is_said(folder):
    os.mkfifo(folder / "fifo")
    (folder / "loop").symlink_to("loop")
    for name, said in [
        ("none", "is not there"),
        (".", "is a directory"),
        ("fifo", "is no regular file"),
        ("loop", "cannot be read: Too many levels of symbolic links"),
        ("none\0", "cannot be read: embedded null byte"),
    ]:
        with pytest.raises(Unusable, match=said):
            digest_of(f"{folder}/{name}")


def test_a_link_stands_for_the_file_that_it_leads_to(folder):
    written(folder / "file", b"content")
    (folder / "link").symlink_to("file")
    assert digest_of(str(folder / "link")) == right(b"content")


def test_a_file_that_grows_while_it_is_read_is_refused(folder):
    path = folder / "file"
    path.write_bytes(b"x" * 50_000_000)
    grower = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys\nwith open(sys.argv[1], 'ab', buffering=0) as file:\n"
            "    print(flush=True)\n    while True:\n        file.write(b'x')",
            str(path),
        ],
        stdout=subprocess.PIPE,
    )
    try:
        grower.stdout.readline()
        with pytest.raises(Unusable, match="is being changed"):
            digest_of(str(path))
    finally:
        grower.kill()
        grower.communicate()
