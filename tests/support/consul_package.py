"""Consul from the Debian suite that has it last, unpacked and not installed."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.support.permission import NotPermitted

_KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"
_SOURCE = f"deb [signed-by={_KEYS}] http://deb.debian.org/debian bullseye main\n"


@functools.cache
def consul_binary() -> str:
    """The program: the one that is installed, or that of the package, which is kept for later runs.

    Where neither can be had the test is skipped, under CI too.
    """
    installed = shutil.which("consul")
    if installed:
        return installed
    folder = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "jug-tests"
    binary = folder / "consul-1.8.7"
    if not binary.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            os.replace(_unpacked(Path(scratch)), binary)
    return str(binary)


def _unpacked(scratch: Path) -> Path:
    (scratch / "lists" / "partial").mkdir(parents=True)
    (scratch / "sources.list").write_text(_SOURCE)
    options = [f"Dir::Etc::sourcelist={scratch}/sources.list", "Dir::Etc::sourceparts=-"]
    options += [f"Dir::State::lists={scratch}/lists", "Dir::Cache::pkgcache=", "Dir::Cache::srcpkgcache="]
    options += ["APT::Sandbox::User=", "APT::Get::List-Cleanup=0"]
    apt = ["apt-get", "-qq", *(word for option in options for word in ("-o", option))]
    try:
        for act in (["update"], ["download", "consul"]):
            subprocess.run([*apt, *act], cwd=scratch, check=True, capture_output=True, timeout=120)
        package = next(scratch.glob("consul_*.deb"))
        subprocess.run(["dpkg-deb", "-x", package, scratch / "files"], check=True, timeout=60)
    except (OSError, subprocess.SubprocessError, StopIteration) as error:
        raise NotPermitted(f"Consul cannot be had from Debian bullseye: {error}") from None
    return scratch / "files" / "usr" / "bin" / "consul"
