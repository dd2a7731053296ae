"""A virtual machine that runs something on this machine's files with a kernel of its own.

The kernel is the one that this distribution would install; its root is the root of this machine, read-only by
9p, and what is written goes into memory. KERNEL (an image) and MODULES (its ``lib/modules/VERSION``) name
another one, ACCEL what is to accelerate qemu.
"""

from __future__ import annotations

import gzip
import lzma
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

TREE = Path(__file__).parents[2]
WORK = TREE / "target" / "nfs"
#: What the kernel has to know, by the names of its modules.
MODULES = ["virtio_pci", "9pnet_virtio", "9p", "overlay", "loop", "ext4", "veth", "nfsd", "nfsv3", "nfsv4"]
#: Seconds after which a machine is stopped.
PATIENCE = 3 * 3600


class Unusable(Exception):
    """The machine cannot be built or started; says why, and what to do."""


def tools() -> dict[str, str]:
    """The programs that a machine takes, with the Debian packages that have them."""
    needed = {
        "busybox": "busybox-static",
        "cpio": "cpio",
        "depmod": "kmod",
        "modprobe": "kmod",
        "qemu-system-x86_64": "qemu-system-x86",
    }
    if "KERNEL" not in os.environ:
        needed |= {"apt-get": "apt", "dpkg-deb": "dpkg"}
    return needed


def missing(needed: Mapping[str, str]) -> list[str]:
    """A line for each program that is not there."""
    return [
        f"{tool} is missing; on Debian it is in the package {package}"
        for tool, package in needed.items()
        if shutil.which(tool) is None
    ]


def run(arguments: Sequence[str]) -> int:
    """Runs ``python -m tests.nfs`` in a machine, showing what it prints; its exit status."""
    try:
        if platform.machine() != "x86_64":
            raise Unusable(f"the virtual machine is for x86-64, and this is {platform.machine()}")
        WORK.mkdir(parents=True, exist_ok=True)
        image, modules = kernel()
        build = frozen()
        command = [sys.executable, "-m", "tests.nfs", "--jug", build / "bin" / "jug", *arguments]
        initrd(modules, f"cd {shlex.quote(str(build))}\n{shlex.join(map(str, command))}\n")
        return booted(image)
    except Unusable as error:
        print(f"nfs: {error}", file=sys.stderr)
        return 2


def kernel() -> tuple[Path, list[Path]]:
    """The image of a kernel, and its modules in the order in which to load them."""
    if "KERNEL" in os.environ:
        if "MODULES" not in os.environ:
            raise Unusable("KERNEL names an image; MODULES has to name its lib/modules/VERSION")
        image, folder = Path(os.environ["KERNEL"]), Path(os.environ["MODULES"]).absolute()
    else:
        image, folder = packaged_kernel()
    root, version = folder.parents[2], folder.name
    if not (folder / "modules.dep.bin").exists():
        called("depmod", "-b", root, version)
    shown = called("modprobe", "-d", root, "-S", version, "--show-depends", "-a", *MODULES)
    found = [Path(line.split()[1]) for line in shown.splitlines() if line.startswith("insmod ")]
    return image, list(dict.fromkeys(found))


def packaged_kernel() -> tuple[Path, Path]:
    """The newest kernel among this distribution's packages, downloaded and unpacked."""
    general = (
        "linux-image-generic" if "ubuntu" in Path("/etc/os-release").read_text() else "linux-image-amd64"
    )
    depends = called("apt-cache", "depends", "--recurse", "--important", general)
    names = sorted(set(re.findall(r"^(linux-(?:image|modules|modules-extra)-\d\S+)$", depends, re.MULTILINE)))
    if not names:
        raise Unusable(
            f"apt knows no package {general}: run apt-get update, or name a kernel by KERNEL, MODULES"
        )
    unpacked = WORK / "kernel" / names[0]
    if not unpacked.exists():
        print(f"nfs: downloading {', '.join(names)}", flush=True)
        fresh = unpacked.with_suffix(".new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        called("apt-get", "download", "-q", *names, cwd=fresh)
        for package in fresh.glob("*.deb"):
            called("dpkg-deb", "-x", package, fresh)
            package.unlink()
        if not (fresh / "lib").exists():
            (fresh / "lib").symlink_to("usr/lib")
        fresh.rename(unpacked)
    (image,) = unpacked.glob("boot/vmlinuz-*")
    (folder,) = unpacked.glob("lib/modules/*")
    return image, folder


def frozen() -> Path:
    """A copy of the package and of these checks, so that work on them can go on meanwhile."""
    build = WORK / "build"
    shutil.rmtree(build, ignore_errors=True)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(TREE / "python" / "jug", build / "python" / "jug", ignore=ignored)
    shutil.copytree(TREE / "tests" / "nfs", build / "tests" / "nfs", ignore=ignored)
    shutil.copy(TREE / "tests" / "__init__.py", build / "tests")
    (build / "bin").mkdir()
    for name, arguments in {"jug": "-m jug", "python": ""}.items():
        script = build / "bin" / name
        path, python = shlex.quote(str(build / "python")), shlex.quote(sys.executable)
        script.write_text(f'#!/bin/sh\nPYTHONPATH={path} exec {python} {arguments} "$@"\n')
        script.chmod(0o755)
    return build


def initrd(modules: Sequence[Path], job: str) -> None:
    """What the kernel unpacks into memory: busybox, the modules, the first process and what it is to run."""
    busybox = Path(shutil.which("busybox") or "")
    if b"/ld-linux" in busybox.read_bytes()[:4096]:
        raise Unusable("busybox needs libraries; on Debian the package busybox-static has one that does not")
    root = WORK / "initrd"
    shutil.rmtree(root, ignore_errors=True)
    for folder in "bin", "dev", "files", "host", "memory", "modules", "proc", "sys":
        (root / folder).mkdir(parents=True)
    shutil.copy(busybox, root / "bin" / "busybox")
    shutil.copy(Path(__file__).with_name("init.sh"), root / "init")
    (root / "init").chmod(0o755)
    (root / "job").write_text(f"export PATH={shlex.quote(os.environ['PATH'])} HOME=/root\n{job}")
    for number, module in enumerate(modules):
        (root / "modules" / f"{number:03}.ko").write_bytes(uncompressed(module))
    names = "\n".join(str(it.relative_to(root)) for it in sorted(root.rglob("*")))
    packed = subprocess.run(
        ["cpio", "--quiet", "-o", "-H", "newc"],
        input=names.encode(),
        cwd=root,
        capture_output=True,
        check=True,
    )
    (WORK / "initrd.gz").write_bytes(gzip.compress(packed.stdout, 1))


def uncompressed(module: Path) -> bytes:
    """The bytes of a module, whatever the distribution packed it with."""
    if module.suffix == ".xz":
        return lzma.decompress(module.read_bytes())
    if module.suffix == ".gz":
        return gzip.decompress(module.read_bytes())
    if module.suffix == ".zst":
        if shutil.which("zstd") is None:
            raise Unusable("zstd is missing; on Debian it is in the package zstd")
        return subprocess.run(["zstd", "-dc", module], stdout=subprocess.PIPE, check=True).stdout
    return module.read_bytes()


def accelerator() -> list[str]:
    """KVM where the processor and the rights are there for it; without it all is ten times slower."""
    name = os.environ.get("ACCEL")
    if name is None:
        is_able = re.search(r"^flags.* (vmx|svm)\b", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
        name = "kvm" if is_able and os.access("/dev/kvm", os.R_OK | os.W_OK) else "tcg,thread=multi"
    return ["-accel", name, "-cpu", "host" if name.startswith("kvm") else "max"]


def booted(image: Path) -> int:
    """Starts the machine and shows what its job prints; the job's exit status."""
    console = WORK / "console.log"
    command = [
        *["qemu-system-x86_64", *accelerator(), "-smp", str(min(4, os.cpu_count() or 1)), "-m", "4096"],
        *["-display", "none", "-nic", "none", "-no-reboot"],
        *["-serial", f"file:{console}", "-serial", "stdio"],
        *["-kernel", str(image), "-initrd", str(WORK / "initrd.gz")],
        *["-append", "console=ttyS0 quiet panic=-1"],
        *["-fsdev", "local,id=root,path=/,security_model=none,readonly=on,multidevs=remap"],
        *["-device", "virtio-9p-pci,fsdev=root,mount_tag=root"],
    ]
    guest = subprocess.Popen(
        ["timeout", "--foreground", str(PATIENCE), *command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    )
    status = None
    try:
        for line in guest.stdout or []:
            text = line.decode(errors="replace").rstrip()
            if ended := re.fullmatch(r"exit status (\d+)", text):
                status = int(ended[1])
            else:
                print(text, flush=True)
    finally:
        guest.terminate()
        guest.wait()
    if status is None:
        raise Unusable(f"the virtual machine ended before its job did; its messages are in {console}")
    return status


def called(*command: str | Path, cwd: Path | None = None) -> str:
    """What a program prints; what it complains about, if it fails, is why there is no machine."""
    ran = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise Unusable(f"{' '.join(map(str, command))} failed: {ran.stderr.strip()}")
    return ran.stdout
