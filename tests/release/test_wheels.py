"""What is checked of wheels before they are given away."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from jug import _native
from release import wheels
from tests.support.paths import ROOT

TARGET = wheels.TARGETS["x86_64"]
NAME = "jug_rs-0.1.0-cp311-abi3-manylinux2014_x86_64.manylinux_2_17_x86_64.whl"


def wheel_of(library: Path, wheel: Path) -> Path:
    """A wheel with a library in the place of the native half."""
    info = "jug_rs-0.1.0.dist-info"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(library, "jug/_native.abi3.so")
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: jug-rs\nVersion: 0.1.0\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: cp311-abi3-linux_x86_64\n"
        )
        archive.writestr(f"{info}/RECORD", "jug/_native.abi3.so,,\n")
    return wheel


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory):
    """Compiles a library that calls a function of the C library."""
    folder = tmp_path_factory.mktemp("small")

    def compiled(text: str) -> Path:
        source = folder / "small.c"
        # What auditwheel takes for a native half has this, too.
        source.write_text(f"{text}\nvoid *PyInit__native(void) {{ return 0; }}\n")
        library = folder / "small.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
        return library

    return compiled


def test_a_wheel_that_asks_for_a_newer_c_library_is_no_manylinux_2_17(tmp_path: Path, small) -> None:
    """Although its name says so; one that does not is."""
    newer = small("#include <sys/random.h>\nlong take(void *at) { return getrandom(at, 8, 0); }")
    with pytest.raises(wheels.Failure, match=rf"{NAME} has symbols of manylinux_2_\d\d_x86_64, and not of "):
        wheels.checked(wheel_of(newer, tmp_path / NAME), TARGET)
    older = small("#include <unistd.h>\nlong take(void) { return getpid(); }")
    assert wheels.checked(wheel_of(older, tmp_path / NAME), TARGET).startswith(
        "symbols of manylinux_2_17_x86_64,"
    )


def test_a_wheel_that_does_not_say_which_c_library_has_what_it_needs_is_not_given_away(
    tmp_path: Path, small
) -> None:
    """Zig leaves it out of names that the old C library does not have, and auditwheel passes them over."""
    unknown = small("long of_some_version(void);\nlong take(void) { return of_some_version(); }")
    with pytest.raises(
        wheels.Failure, match="needs of_some_version of a C library and does not say of which version"
    ):
        wheels.checked(wheel_of(unknown, tmp_path / NAME), TARGET)


def test_a_wheel_for_this_system_only_is_not_given_away(tmp_path: Path, small) -> None:
    """Its tag is one that an index refuses."""
    wheel = wheel_of(
        small("int one(void) { return 1; }"), tmp_path / "jug_rs-0.1.0-cp311-abi3-linux_x86_64.whl"
    )
    with pytest.raises(wheels.Failure, match="is not tagged manylinux_2_17_x86_64"):
        wheels.checked(wheel, TARGET)


def test_a_library_with_names_for_debuggers_is_not_given_away(tmp_path: Path, small) -> None:
    """It is several times as large."""
    large = small(f"static const char much[{wheels.LARGEST}] = {{1}};\nint one(int i) {{ return much[i]; }}")
    with pytest.raises(
        wheels.Failure, match=r"has 8,\d\d\d,\d\d\d bytes, more than 8,000,000: it is not stripped"
    ):
        wheels.checked(wheel_of(large, tmp_path / NAME), TARGET)


def test_a_wheel_that_does_not_run_is_noticed(tmp_path: Path, small) -> None:
    """It is installed and tried; this one has no command. The small distributions are of Python only."""
    wheel = wheel_of(small("int one(void) { return 1; }"), tmp_path / NAME)
    with pytest.raises(wheels.Failure, match=r"jug cannot be run: No such file or directory"):
        wheels.tried(wheel, tmp_path / "out")
    dropins = sorted(it.name.partition("-")[0] for it in (tmp_path / "out").iterdir())
    assert dropins == ["jug_rs_jobslib", "jug_rs_pytask", "jug_rs_runforrest"]


def test_the_source_has_all_that_it_is_built_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing is named."""
    archive = wheels.source(tmp_path)
    assert archive.name == f"jug_rs-{_native.__version__}.tar.gz"
    monkeypatch.setattr(wheels, "IN_THE_SOURCE", ("LICENSE", "what/is/not/there"))
    with pytest.raises(wheels.Failure, match=r"jug_rs-\S+ lacks what/is/not/there"):
        wheels.source(tmp_path)


def test_a_target_that_rust_does_not_have_here_is_named_with_what_installs_it(tmp_path: Path) -> None:
    """Before anything is built."""
    other = wheels.Target("riscv64gc-unknown-linux-gnu", "manylinux_2_17", "riscv64")
    with pytest.raises(
        wheels.Failure, match="install it with: rustup target add riscv64gc-unknown-linux-gnu"
    ):
        wheels.built(other, tmp_path)


def test_a_target_of_no_such_name_is_wrong_usage() -> None:
    """With the names that there are."""
    words = [sys.executable, ROOT / "release" / "wheels.py", "x86"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "there is no target x86; there are x86_64, aarch64, x86_64-musl, aarch64-musl" in done.stderr
