"""What commands cost in counts that no machine changes: instructions, system calls, bytes.

``python -m benches.counts`` writes them to counts.json; the tests compare what is counted then.
"""

import json
import re
import shutil
import sys
from pathlib import Path

from benches import common, drain
from benches.common import OURS, Row

RECORDED = Path(__file__).with_name("counts.json")

#: Of these a drain does as many as its tasks need, by how they begin. Of others, such as looks at other
#: workers or the release of claims, it does as many as there is time for.
CALLS = {
    "access": r" access\(",
    "claims": r" fcntl\(.*F_WRLCK",
    "fdatasync": r" fdatasync\(",
    "statx": r" statx\(",
    "write": r" write\(",
}

TRACED = "access,fcntl,fdatasync,statx,write"

#: Runs a command as valgrind sees it best: in the interpreter itself, without the start of a script.
COMMAND = "import sys; sys.argv[:1] = ['jug']; from jug.cli.main import main; main()"


def tools() -> tuple[str, ...]:
    """The programs that count and are not there."""
    return tuple(tool for tool in ("strace", "valgrind") if shutil.which(tool) is None)


def python() -> str:
    """The version that the counts are of: another one has other instructions."""
    return "{}.{}".format(*sys.version_info)


def instructions(scratch: Path, *words: object) -> int:
    """The instructions of a command's main thread; the others work when time has passed."""
    out = common.fresh("counts-callgrind") / "out"
    tool = ["valgrind", "--tool=callgrind", "--separate-threads=yes", f"--callgrind-out-file={out}"]
    program = Path(OURS).resolve()
    paths = ":".join(path for path in sys.path if path.endswith("site-packages"))
    environment = {"PYTHONHASHSEED": "0", "PYTHONPATH": f"{common.ROOT / 'python'}:{paths}"}
    common.succeed(common.run([*tool, program, "-c", COMMAND, *words], scratch, **environment))
    return int(re.findall(r"^summary: (\d+)", Path(f"{out}-01").read_text(), re.MULTILINE)[0])


def work_of(command: str, tasks: int, scratch: Path) -> int:
    """The instructions of a command on so many tasks, without those that it takes on a single one.

    ``execute`` finds nothing done, any other command everything.
    """
    counted = []
    for number in (tasks, 1):
        directory = scratch / f"{command}{number}"
        directory.mkdir()
        jugfile = drain.write_jugfile(directory, number)
        finished, new = directory / "finished", directory / "new"
        # Afterwards every module is compiled, too.
        for word in ("execute", command):
            common.succeed(common.jug(OURS, word, jugfile, finished))
        jugdir = new if command == "execute" else finished
        counted.append(instructions(directory, command, "--will-cite", "--jugdir", jugdir, jugfile))
    return counted[0] - counted[1]


def calls(scratch: Path, tasks: int) -> dict[str, int]:
    """System calls and written bytes of a drain with ``--sync=always``."""
    directory = scratch / "calls"
    directory.mkdir()
    jugfile, trace = drain.write_jugfile(directory, tasks), directory / "trace.txt"
    strace = ["strace", "-f", "--seccomp-bpf", "-o", trace, "-e", f"trace={TRACED}"]
    options = ["--will-cite", "--sync=always", "--jugdir", directory / "results"]
    jug = [OURS.parent / "jug", "execute", *options, jugfile]
    common.succeed(common.run([*strace, *jug], directory))
    lines = trace.read_text().splitlines()
    found = {
        f"drain of {tasks}, {name}": sum(bool(re.search(call, line)) for line in lines)
        for name, call in CALLS.items()
    }
    written = (re.search(r" write\(.* = (\d+)$", line) for line in lines)
    return found | {f"drain of {tasks}, bytes written": sum(int(it[1]) for it in written if it)}


def measure() -> dict[str, int]:
    """Every count by its name."""
    scratch = common.fresh("counts")
    return {
        "drain of 2000, instructions": work_of("execute", 2000, scratch),
        "status of 10000, instructions": work_of("status", 10_000, scratch),
        **calls(scratch, 2000),
    }


def recorded() -> dict[str, int]:
    """The counts that were written down, if they are of this version of Python; else none."""
    kept = json.loads(RECORDED.read_text())
    counts: dict[str, int] = kept["counts"] if kept["python"] == python() else {}
    return counts


def main() -> list[Row]:
    """The first column is what was written down."""
    before = recorded()
    return [Row(name, before.get(name, "-"), count, "", 1.1) for name, count in measure().items()]


if __name__ == "__main__":
    RECORDED.write_text(json.dumps({"python": python(), "counts": measure()}, indent=2) + "\n")
