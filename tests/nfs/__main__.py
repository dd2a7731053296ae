"""``python -m tests.nfs [VERSION...] [-- CHECK...]``: the checks of checks.py, for each version of NFS.

They need root, the kernel's NFS server, and network namespaces. Where this machine has these, the checks run
on it, and otherwise in a virtual one.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.nfs import machine

HERE = Path(__file__).parent
TREE = HERE.parents[1]
VERSIONS = ("3", "4.2")
#: What the checks call, and the Debian packages that have it.
TOOLS = {
    "exportfs": "nfs-kernel-server",
    "ip": "iproute2",
    "mkfs.ext4": "e2fsprogs",
    "mount.nfs": "nfs-common",
    "nsenter": "util-linux",
    "pidof": "sysvinit-utils",
    "rpc.mountd": "nfs-kernel-server",
    "rpc.nfsd": "nfs-kernel-server",
    "rpcbind": "rpcbind",
    "unshare": "util-linux",
}


def main() -> int:
    """Runs the checks; 1 if one of them is not as promised, 2 if they cannot be made."""
    options, checks = parsed(sys.argv[1:])
    # Where most of the tools are, also for those who are not root.
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    versions = options.versions or list(VERSIONS)
    obstacle = "so it was asked for" if options.machine else why_not_here()
    missing = machine.missing(TOOLS) + (machine.missing(machine.tools()) if obstacle else [])
    for line in missing:
        print(f"nfs: {line}", file=sys.stderr)
    if missing:
        return 2
    if not obstacle:
        return max(checked(version, options.jug, checks) for version in versions)
    if options.here:
        print(f"nfs: it cannot be here: {obstacle}", file=sys.stderr)
        return 2
    print(f"nfs: in a virtual machine: {obstacle}", flush=True)
    return machine.run(["--here", *versions, "--", *checks])


def parsed(arguments: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """The options, and what goes on to checks.py."""
    parser = argparse.ArgumentParser(
        prog="./dev nfs",
        usage="%(prog)s [--here | --machine] [VERSION...] [-- CHECK...]",
        description="check jug on two clients of a real NFS server; what is behind -- goes to its checks",
    )
    parser.add_argument("versions", nargs="*", metavar="VERSION", help="3 or 4.2 (default: both)")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--here", action="store_true", help="fail where this machine cannot do it")
    where.add_argument("--machine", action="store_true", help="always in a virtual machine")
    parser.add_argument("--jug", default=Path(sys.executable).with_name("jug"), help="the command to check")
    split = arguments.index("--") if "--" in arguments else len(arguments)
    options = parser.parse_args(arguments[:split])
    if unknown := set(options.versions) - set(VERSIONS):
        parser.error(
            f"{', '.join(sorted(unknown))} is no version of NFS that is checked: {', '.join(VERSIONS)}"
        )
    return options, arguments[split + 1 :]


def why_not_here() -> str | None:
    """What this machine lacks, or what would be disturbed on it."""
    if os.geteuid() != 0:
        return "mounting needs root"
    if modprobe := shutil.which("modprobe"):
        subprocess.run([modprobe, "-aq", "nfsd", "nfsv3", "nfsv4", "loop", "veth", "ext4"], check=False)
    known = Path("/proc/filesystems").read_text().split()
    for name, what in {
        "nfsd": "NFS server",
        "nfs": "NFS client",
        "nfs4": "NFS client",
        "ext4": "ext4",
    }.items():
        if name not in known:
            return f"this kernel has no {what}"
    if subprocess.run(["unshare", "--net", "true"], stderr=subprocess.DEVNULL, check=False).returncode:
        return "network namespaces cannot be made"
    threads = Path("/proc/fs/nfsd/threads")
    if threads.exists() and threads.read_text().strip() != "0":
        return "an NFS server is running already"
    return None


def checked(version: str, jug: str, checks: list[str]) -> int:
    """Runs the checks with one version of NFS, and leaves nothing behind."""
    environment = {
        **os.environ,
        "NFS_VERSION": version,
        "NFS_ROOT": os.environ.get("NFS_ROOT", "/run/jug-nfs"),
    }
    print(f"nfs: version {version}", flush=True)
    try:
        if subprocess.run(["bash", HERE / "setup.sh"], env=environment, check=False).returncode:
            print("nfs: the server could not be set up", file=sys.stderr)
            return 2
        command = [sys.executable, "-m", "tests.nfs.checks", "--jug", jug, *checks]
        return subprocess.run(command, cwd=TREE, env=environment, check=False).returncode
    finally:
        subprocess.run(["bash", HERE / "teardown.sh"], env=environment, check=False)


if __name__ == "__main__":
    sys.exit(main())
