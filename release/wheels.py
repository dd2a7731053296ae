"""``./dev wheels [TARGET...]``: what is given to an index, built, checked and tried, in ``dist/``.

For each target a wheel that old systems take, the source, and the small distributions of ``dropins/``. The
symbols are checked by auditwheel, and what this machine can run is installed without a compiler, and run.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
#: The largest library that is given away, in bytes: one with names for debuggers has four times as much.
LARGEST = 8_000_000
#: What is in the source besides Rust and Python.
IN_THE_SOURCE = (
    "pyproject.toml",
    "Cargo.lock",
    "LICENSE",
    "release/jug_build.py",
    "src/lib.rs",
    "python/jug/py.typed",
)
#: What builds and checks.
NEEDED = ("maturin", "ziglang", "auditwheel")
DROPINS = ("jobslib", "pytask", "runforrest")
#: Those that need no other package.
EXAMPLES = ("primes.py", "wordcount.py")


class Failure(Exception):
    """What is wrong with what was built, or why it could not be built, in a line."""


@dataclass(frozen=True)
class Target:
    """A kind of machine: what Rust calls it, and what wheels for it are tagged."""

    triple: str
    tag: str
    machine: str


#: The oldest C library that Rust's own runs on is 2.17, and so it is what the wheels ask for.
TARGETS = {
    "x86_64": Target("x86_64-unknown-linux-gnu", "manylinux_2_17", "x86_64"),
    "aarch64": Target("aarch64-unknown-linux-gnu", "manylinux_2_17", "aarch64"),
    "x86_64-musl": Target("x86_64-unknown-linux-musl", "musllinux_1_2", "x86_64"),
    "aarch64-musl": Target("aarch64-unknown-linux-musl", "musllinux_1_2", "aarch64"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Builds and checks; 1 if something is not as it has to be, with a line that says what."""
    parser = argparse.ArgumentParser(prog="./dev wheels", description=__doc__.splitlines()[0])
    parser.add_argument(
        "targets", nargs="*", metavar="TARGET", help=f"{', '.join(TARGETS)} (default: x86_64)"
    )
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="the folder for them (default: dist)")
    options = parser.parse_args(arguments)
    if unknown := set(options.targets) - set(TARGETS):
        parser.error(f"there is no target {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}")
    out = options.out.resolve()
    try:
        if missing := [it for it in NEEDED if importlib.util.find_spec(it) is None]:
            raise Failure(f"{', '.join(missing)} is not installed here; ./dev wheels installs what it needs")
        for name in dict.fromkeys(options.targets or ["x86_64"]):
            wheel = built(TARGETS[name], out)
            print(f"wheels: {wheel.name}: {checked(wheel, TARGETS[name])}", flush=True)
            if runs_here(TARGETS[name]):
                tried(wheel, out)
                print("wheels: it was installed without a compiler, and runs", flush=True)
            else:
                print("wheels: it cannot run on this machine and is untried", flush=True)
        print(f"wheels: {source(out).name} has all that it is built from", flush=True)
    except Failure as failure:
        print(f"wheels: {failure}", file=sys.stderr)
        return 1
    return 0


def built(target: Target, out: Path) -> Path:
    """The wheel for a target, linked by Zig with the symbols of an old C library."""
    library = Path(run("rustc", "--print", "target-libdir", "--target", target.triple).strip())
    if not library.is_dir():
        raise Failure(f"Rust has no {target.triple} here; install it with: rustup target add {target.triple}")
    with tempfile.TemporaryDirectory() as folder:
        build = ["build", "--release", "--zig", "--strip", "--target", target.triple]
        run(sys.executable, "-m", "maturin", *build, "--compatibility", target.tag, "--out", folder)
        (wheel,) = Path(folder).glob("*.whl")
        out.mkdir(parents=True, exist_ok=True)
        return Path(shutil.move(wheel, out / wheel.name))


def checked(wheel: Path, target: Target) -> str:
    """What is as it has to be with a wheel: its tag, its symbols, its size.

    Raises
    ------
    Failure
        If something is not.
    """
    policy = f"{target.tag}_{target.machine}"
    if policy not in wheel.name:
        raise Failure(f"{wheel.name} is not tagged {policy}")
    report = json.loads(run(sys.executable, "-m", "auditwheel", "show", "--json", wheel))
    found = report["overall_tag"]
    if not _is_as_old(found, policy):
        raise Failure(f"{wheel.name} has symbols of {found}, and not of {policy}")
    if unknown := unversioned(wheel):
        raise Failure(
            f"{wheel.name} needs {', '.join(unknown)} of a C library and does not say of which version: "
            "an old one may not have it, and then nothing can be imported"
        )
    size = library_size(wheel)
    if size > LARGEST:
        raise Failure(
            f"the library in {wheel.name} has {size:,} bytes, more than {LARGEST:,}: it is not stripped"
        )
    return (
        f"symbols of {policy}, a library of {size / 1e6:.1f} MB, {wheel.stat().st_size / 1e6:.1f} MB in all"
    )


def _is_as_old(found: str, policy: str) -> bool:
    """Whether what has one tag runs where the other one asks for."""
    tags = [re.fullmatch(r"([a-z]+)_(\d+)_(\d+)_(\w+)", it) for it in (found, policy)]
    if not all(tags):
        return False
    (kind, *version, machine), (kind_asked, *asked, machine_asked) = (it.groups() for it in tags if it)
    return (kind, machine) == (kind_asked, machine_asked) and [*map(int, version)] <= [*map(int, asked)]


def library_size(wheel: Path) -> int:
    """Bytes of the native half in a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return _library(archive).file_size


def unversioned(wheel: Path) -> list[str]:
    """What the native half needs without a version, but for Python's own; auditwheel overlooks it."""
    from elftools.elf.elffile import ELFFile

    with zipfile.ZipFile(wheel) as archive:
        elf = ELFFile(io.BytesIO(archive.read(_library(archive))))
    versions = elf.get_section_by_name(".gnu.version")
    found = []
    for number, symbol in enumerate(elf.get_section_by_name(".dynsym").iter_symbols()):
        is_needed = symbol["st_shndx"] == "SHN_UNDEF" and symbol["st_info"]["bind"] == "STB_GLOBAL"
        if not is_needed or re.match("_?Py", symbol.name):
            continue
        if versions is None or isinstance(versions.get_symbol(number)["ndx"], str):
            found.append(symbol.name)
    return sorted(found)


def _library(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    (library,) = [it for it in archive.infolist() if it.filename.endswith("_native.abi3.so")]
    return library


def runs_here(target: Target) -> bool:
    """Whether this machine and its C library run what is built for a target."""
    libc = "gnu" if platform.libc_ver()[0] == "glibc" else "musl"
    return platform.machine() == target.machine and target.triple.endswith(libc)


def tried(wheel: Path, out: Path) -> None:
    """Installs a wheel and the small distributions without a compiler, runs jug's own test and the examples.

    Raises
    ------
    Failure
        If one of them fails.
    """
    dropins = [dropin(name, out) for name in DROPINS]
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        run(sys.executable, "-m", "venv", "--without-pip", home / "venv")
        # Nothing but the environment on the path: no compiler, no cargo, no shell tools.
        python = home / "venv" / "bin" / "python"
        bare = {"PATH": str(python.parent), "HOME": folder, "LANG": "C.UTF-8"}
        pip = [
            sys.executable,
            "-m",
            "pip",
            "--python",
            python,
            "install",
            "--quiet",
            "--no-index",
            "--no-deps",
        ]
        run(*pip, wheel, *dropins, env=bare)
        jug = python.with_name("jug")
        run(jug, "test-jug", env=bare, cwd=home)
        for name in EXAMPLES:
            shutil.copy(ROOT / "examples" / name, home)
            run(jug, "execute", "--will-cite", name, env=bare, cwd=home)
        for name in ("jobslib", "runforrest"):
            where = run(
                python, "-c", f"import importlib.util as u; print(u.find_spec({name!r}).origin)", env=bare
            )
            if str(home) not in where:
                raise Failure(f"the distribution of {name} does not install the module {name}")


def dropin(name: str, out: Path) -> Path:
    """The wheel of a small distribution, which is of Python only and so one for all.

    Raises
    ------
    Failure
        If it is not.
    """
    with tempfile.TemporaryDirectory() as folder:
        words = ["wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ROOT / "dropins" / name]
        run(sys.executable, "-m", "pip", *words)
        (wheel,) = Path(folder).glob("*.whl")
        if not wheel.name.endswith("-py3-none-any.whl"):
            raise Failure(f"{wheel.name} is not of Python only")
        out.mkdir(parents=True, exist_ok=True)
        return Path(shutil.move(wheel, out / wheel.name))


def source(out: Path) -> Path:
    """The source as it is given away.

    Raises
    ------
    Failure
        If something is not in it that it cannot be built without.
    """
    with tempfile.TemporaryDirectory() as folder:
        run(sys.executable, "-m", "maturin", "sdist", "--out", folder)
        (archive,) = Path(folder).glob("*.tar.gz")
        with tarfile.open(archive) as opened:
            names = {name.partition("/")[2] for name in opened.getnames()}
        if missing := [it for it in IN_THE_SOURCE if it not in names]:
            raise Failure(f"{archive.name} lacks {', '.join(missing)}")
        out.mkdir(parents=True, exist_ok=True)
        return Path(shutil.move(archive, out / archive.name))


def run(*words: str | Path, env: dict[str, str] | None = None, cwd: Path = ROOT) -> str:
    """What a command prints; what it says of its progress is passed on.

    Raises
    ------
    Failure
        If it fails, with what it said last.
    """
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = env or {**os.environ, "PATH": path}
    try:
        done = subprocess.run(words, env=environment, cwd=cwd, capture_output=True, text=True, check=False)
    except OSError as error:
        raise Failure(f"{words[0]} cannot be run: {error.strerror}") from error
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-20:])
        raise Failure(f"{' '.join(Path(str(it)).name for it in words[:4])} failed:\n{said}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
