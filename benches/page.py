"""The page about speed in numbers, docs/performance.md: what was measured, where, and of which commit.

The text of the page is written by hand. A measurement replaces its own section, which comments mark.
"""

import os
import platform
import re
import subprocess
import time
from pathlib import Path

from benches import common
from benches.common import ROOT, Row

PAGE = ROOT / "docs" / "performance.md"
#: What measurements themselves write: they are no changes of what is measured.
WRITTEN = ("docs/performance.md", "benches/counts.json")


def names(text: str) -> list[str]:
    """The measurements that have a section in a page."""
    return re.findall(r"^<!-- begin of (\w+) -->$", text, re.MULTILINE)


def replaced(text: str, name: str, body: str) -> str:
    """A page with another section of this name; an error if it has none."""
    begin, end = f"<!-- begin of {name} -->", f"<!-- end of {name} -->"
    found = re.search(rf"^{re.escape(begin)}\n.*?^{re.escape(end)}$", text, re.MULTILINE | re.DOTALL)
    if found is None:
        raise common.Failed(f"the page has no section for {name}: no lines '{begin}' and '{end}'")
    return f"{text[: found.start()]}{begin}\n\n{body.strip()}\n\n{end}{text[found.end() :]}"


def unmeasured(name: str) -> str:
    """What stands in a section that has no numbers."""
    return f"Not measured yet: `./dev bench {name}` fills this in."


def write(page: Path, name: str, body: str, with_base: bool = False) -> bool:
    """Replaces the section of a measurement, if the page has one; else nothing, and the result is False."""
    text = page.read_text()
    if name not in names(text):
        return False
    head = measured_on()
    if with_base:
        head = f"{head}; {base_build()}"
    page.write_text(replaced(text, name, f"{head}\n\n{body}"))
    return True


def table(header: list[str], lines: list[list[str]]) -> str:
    """A table of Markdown; all columns but the first are numbers."""
    rule = ["---", *["--:"] * (len(header) - 1)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (header, rule, *lines))


def of_rows(rows: list[Row], left: str) -> str:
    """The table of what a measurement returned; `left` says what its first column is."""
    lines = [
        [row.what, *row.cells(), row.unit, row.shown_ratio(), row.shown_goal(), row.met()] for row in rows
    ]
    return table(["", left, "this", "unit", "ratio", "goal: at most", "met"], lines)


def measured_on() -> str:
    """When, on what and of what was measured, without a name or a path of the machine."""
    cores = len(os.sched_getaffinity(0))
    scale = "" if common.SCALE == 1 else f"; **a trial at a scale of {common.SCALE:g}**"
    return (
        f"{time.strftime('%Y-%m-%d', time.gmtime())}, commit {commit(ROOT)}, {processor()}, "
        f"{cores} {'core' if cores == 1 else 'cores'}, {memory()} GB of memory, {system()}, "
        f"{filesystem(common.WORK)}, Python {platform.python_version()}{scale}"
    )


def base_build() -> str:
    """Which earlier build was measured beside this one."""
    directory = common.base()
    if directory is None:
        return "no earlier build was measured"
    name = common.base_commit()
    if name is not None:
        return f"earlier build: commit `{name}`"
    # A folder that only lies in a checkout of something else is none.
    found = commit(directory) if git(directory, "ls-files", "--", "jug/__init__.py") else "unknown"
    return f"earlier build: {'of a commit that was not given' if found == 'unknown' else f'commit {found}'}"


def git(directory: Path, *words: str) -> str:
    """What a git command prints; nothing where it fails, or where git is not there."""
    try:
        done = subprocess.run(["git", "-C", str(directory), *words], capture_output=True, text=True)
    except FileNotFoundError:
        return ""
    return "" if done.returncode else done.stdout.strip()


def changed(directory: Path) -> list[str]:
    """Files of a checkout that are not as they were committed, but for those that measurements write."""
    lines = git(directory, "status", "--porcelain", "--untracked-files=no").splitlines()
    paths = (line.strip().split(maxsplit=1)[-1] for line in lines)
    return [path for path in paths if path not in WRITTEN]


def commit(directory: Path) -> str:
    """The commit that is checked out there, and whether files were changed since."""
    found = git(directory, "rev-parse", "--short=10", "HEAD")
    if not found:
        return "unknown"
    return f"`{found}`" + (" with changes" if changed(directory) else "")


def processor() -> str:
    """The processor's name."""
    found = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1].strip() if found else platform.machine()


def memory() -> int:
    """Gigabytes of memory, rounded."""
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9)


def system() -> str:
    """The distribution and the kernel."""
    try:
        distribution = platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        distribution = platform.system()
    kernel = re.match(r"\d+(\.\d+)*", platform.release())
    return f"{distribution}, kernel {kernel[0] if kernel else platform.release()}"


def filesystem(path: Path) -> str:
    """The kind of filesystem that a path is on."""
    path.mkdir(parents=True, exist_ok=True)
    device = os.stat(path).st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        if line.split()[2] == wanted:
            return line.split(" - ")[1].split()[0]
    return "a filesystem of unknown kind"
