"""CPythons newer than this machine's, out of Debian's packages, beside the system and without changing it.

The packages of ``sid`` are unpacked into a folder of their own with the C library that they need, and the
interpreters are made to use that one (``patchelf``): no chroot is needed, and no right to change the system.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

__all__ = ["NAMES", "fetch"]

#: What is looked for; what Debian does not have is left out.
NAMES = ("python3.14", "python3.15")
_SUITE = "sid"
#: Their scripts run when a package is installed, and here none is.
_UNNEEDED = ("debconf_",)


def fetch(folder: Path, patchelf: Path, names: tuple[str, ...] = NAMES) -> Path:
    """Puts interpreters into ``folder``, unless they are there already.

    Parameters
    ----------
    folder : Path
        Where packages and what is in them are kept.
    patchelf : Path
        The program ``patchelf``.
    names : tuple of str
        The packages wanted.

    Returns
    -------
    folder : Path
        That of the interpreters.

    Raises
    ------
    OSError
        If this is no Debian on x86-64, or the packages cannot be had; the reason is in the error.
    """
    root = folder / "root"
    ready = folder / "ready"
    if not ready.exists():
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir(parents=True)
        for package in sorted(_download(folder, names)):
            if not package.name.startswith(_UNNEEDED):
                _run("dpkg-deb", "-x", package, root)
        libraries = root / "usr/lib/x86_64-linux-gnu"
        for name in names:
            interpreter = root / "usr/bin" / name
            if interpreter.exists():
                _run(patchelf, "--set-interpreter", libraries / "ld-linux-x86-64.so.2", interpreter)
                _run(patchelf, "--force-rpath", "--set-rpath", libraries, interpreter)
        ready.touch()
    return root / "usr/bin"


def _download(folder: Path, names: tuple[str, ...]) -> list[Path]:
    """The packages and all that they depend on, as for a machine that has none."""
    archives = folder / "cache/archives"
    (archives / "partial").mkdir(parents=True, exist_ok=True)
    (folder / "lists/partial").mkdir(parents=True, exist_ok=True)
    (folder / "status").touch()
    # The mirror that this machine uses anyway.
    uris = _run("apt-get", "indextargets", "--format", "$(SUITE) $(REPO_URI)", "Created-By: Packages")
    mirrors = [uri for suite, uri in map(str.split, uris.splitlines()) if "security" not in suite + uri]
    if not mirrors or _run("dpkg", "--print-architecture").strip() != "amd64":
        raise OSError("no Debian mirror is set up for this machine, or it is no x86-64")
    (folder / "sources").write_text(f"deb {mirrors[0]} {_SUITE} main\n")
    options = [
        f"Dir::Etc::SourceList={folder / 'sources'}",
        "Dir::Etc::SourceParts=/dev/null",
        f"Dir::State::Lists={folder / 'lists'}",
        f"Dir::State::status={folder / 'status'}",
        f"Dir::Cache={folder / 'cache'}",
        "APT::Install-Recommends=0",
        "APT::Sandbox::User=",
    ]
    apt = ["apt-get", "-qq", *(word for option in options for word in ("-o", option))]
    _run(*apt, "update")
    cache = ["apt-cache", *apt[2:]]
    there = [name for name in names if _run(*cache, "search", "--names-only", f"^{name}$").strip()]
    if not there:
        raise OSError(f"{_SUITE} has none of {', '.join(names)}")
    _run(*apt, "--yes", "--download-only", "install", *there)
    return list(archives.glob("*.deb"))


def _run(*words: str | Path) -> str:
    """What a command prints; it asks nothing."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    done = subprocess.run(
        words, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["nothing was printed"])[-1]
        raise OSError(f"{Path(words[0]).name} failed: {last}")
    return done.stdout
