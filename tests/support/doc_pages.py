"""The code blocks of a page of documentation: read, run in their order, compared with what the page shows.

A page is run in a fresh directory, from top to bottom.

- A block with a caption is a file of that name: it is written before the next block runs. With the caption
  `NAME, at the end` it is added to the file.
- A `console` block is a session: lines that begin with `$ ` are run by bash (`> ` continues one), the rest is
  what the screen shows.
- A `pycon` block is a session of Python; several in a row are one session.
- An `ipython` block is a session of the command in its caption.
- Whatever else has no caption is for the reader only; Python must have one.

`/...` in an output stands for the rest of a path that is another one each time; nothing else is left open.
A comment before a block changes what is done with it: `<!-- fresh directory -->`, `<!-- numbers vary -->`
(who did how much is a matter of chance; the whole numbers still add up to what they do on the page),
`<!-- together -->` (with the sessions around it that say the same, at the same time) and
`<!-- not run: REASON -->`. `<!-- run: COMMAND -->` anywhere is what the text tells the reader to do, such as
changing a line of a file.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

_BLOCK = re.compile(
    r"^<!-- run: (?P<command>[^\n]*) -->$|"
    r"(?P<remarks>(?:^<!-- [^\n]* -->\n)*)"
    r"^(?P<fence>```+)(?P<info>[^\n`]*)\n(?P<options>(?::[\w-]+:[^\n]*\n)*)\n?(?P<body>.*?)^(?P=fence)$",
    re.MULTILINE | re.DOTALL,
)
AT_THE_END = ", at the end"
_REST_OF_A_PATH = "/..."
_END = "that-was-the-command"
#: What stands in the pages for the directories of a run.
_HOME = "/home/ada"


class Block(NamedTuple):
    """A fenced block: what language, which file or command, what stands in it, what the remarks say."""

    language: str
    caption: str
    body: str
    remarks: frozenset[str]
    line: int

    def has(self, remark: str) -> bool:
        """Whether a comment before the block begins with these words."""
        return any(said.startswith(remark) for said in self.remarks)


class Shown(NamedTuple):
    """A command of a page, with what the page shows and what really was printed."""

    line: int
    command: str
    expected: str
    actual: str
    numbers_vary: bool

    def agrees(self) -> bool:
        """Whether the page shows what was printed."""
        expected, actual = (_plain(text, self.numbers_vary) for text in (self.expected, self.actual))
        return _matches(expected, actual) and (
            not self.numbers_vary or _counts(self.expected) == _counts(self.actual)
        )


def _matches(expected: str, actual: str) -> bool:
    """Whether a text is the other one, in which `/...` stands for the rest of a path."""
    return (
        re.fullmatch(r"/[^\s/]\S*?".join(map(re.escape, expected.split(_REST_OF_A_PATH))), actual) is not None
    )


def _counts(text: str) -> int:
    """The sum of the whole numbers in a text."""
    return sum(map(int, re.findall(r"(?<![\d.])\d+(?![\d.]*\d)", text)))


def blocks_of(page: Path) -> list[Block]:
    """The fenced blocks of a page, in their order."""
    text, found = page.read_text(), []
    for match in _BLOCK.finditer(text):
        if match["command"]:
            line = text.count("\n", 0, match.start()) + 1
            found.append(Block("run", "", f"$ {match['command']}\n", frozenset(), line))
            continue
        info = match["info"].split()
        language = info[-1] if info else ""
        caption = re.search(r":caption: (.*)", match["options"])
        remarks = frozenset(re.findall(r"<!-- (.*) -->", match["remarks"]))
        line = text.count("\n", 0, match.start("fence")) + 1
        found.append(Block(language, caption[1].strip() if caption else "", match["body"], remarks, line))
    return found


def steps_of(session: str) -> list[tuple[str, str]]:
    """The commands of a console session, each with the output that follows it."""
    steps: list[tuple[str, str]] = []
    for line in session.splitlines(keepends=True):
        if line.startswith("$ "):
            steps.append((line[2:], ""))
        elif line.startswith("> ") and steps and not steps[-1][1]:
            steps[-1] = (steps[-1][0] + line[2:], "")
        elif steps:
            steps[-1] = (steps[-1][0], steps[-1][1] + line)
        elif line.strip():
            raise ValueError(f"a session begins with a command, not with {line!r}")
    return steps


def run_page(page: Path, directory: Path) -> Iterator[Shown]:
    """Runs a page in an empty directory, and gives each command with what it printed."""
    shell = _Shell(directory / "1")
    blocks = [block for block in blocks_of(page) if not block.has("not run")]
    try:
        for (kind, _), group in groupby(blocks, key=_group_of):
            together = list(group)
            if together[0].has("fresh directory"):
                shell.close()
                shell = _Shell(directory / str(together[0].line))
            if kind == "file":
                shell.write(together[0])
            elif kind == "together":
                yield from shell.run_together(together)
            elif kind in ("console", "run"):
                yield from shell.run(together[0])
            elif kind == "pycon":
                yield shell.run_python(together)
            elif kind == "ipython":
                yield shell.run_ipython(together[0])
    finally:
        shell.close()


def _group_of(block: Block) -> tuple[str, int]:
    """What kind of step a block is; blocks with equal answers that follow each other are one step."""
    if block.language == "ipython":
        return "ipython", block.line
    if block.caption:
        return "file", block.line
    if block.has("together"):
        return "together", 0
    if block.language == "pycon":
        return "pycon", 0
    return block.language, block.line


def _plain(text: str, numbers_vary: bool) -> str:
    lines = [line.rstrip() for line in text.strip().splitlines()]
    # The marks below a line of a traceback change with the version of Python.
    text = "\n".join(line for line in lines if not re.fullmatch(r" *[~^]+", line))
    return re.sub(r" *\d+", "#", text) if numbers_vary else text


class _Shell:
    """A bash in a directory of its own, and what else runs there."""

    def __init__(self, directory: Path) -> None:
        self.home = directory / "home"
        self.work = self.home / "work"
        self.work.mkdir(parents=True)
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("JUG_", "XDG_")) and k != "COLUMNS"}
        self.environment = kept | {
            "HOME": str(self.home),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "IPYTHONDIR": str(self.home / "ipython"),
            # IPython without colours and without a moving cursor.
            "IPY_TEST_SIMPLE_PROMPT": "1",
            "TERM": "dumb",
            "NO_COLOR": "1",
        }
        self.bash = self._start(["bash", "--norc"], stdin=subprocess.PIPE)

    def _start(self, command: list[str], stdin: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
        return subprocess.Popen(
            command,
            cwd=self.work,
            env=self.environment,
            text=True,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def write(self, block: Block) -> None:
        """Writes the file that a block shows."""
        name = block.caption.removesuffix(AT_THE_END)
        path = self.home / name[2:] if name.startswith("~/") else self.work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "a" if name != block.caption else "w") as file:
            file.write(block.body)

    def run(self, block: Block) -> Iterator[Shown]:
        """Runs a console session."""
        assert self.bash.stdin is not None
        assert self.bash.stdout is not None
        for command, expected in steps_of(block.body):
            self.bash.stdin.write(f"{{ {command}\n}} </dev/null\n_status=$?; echo {_END}; (exit $_status)\n")
            self.bash.stdin.flush()
            actual = ""
            while not actual.endswith(f"{_END}\n"):
                line = self.bash.stdout.readline()
                if not line:
                    break
                actual += line
            yield self._shown(block, command, expected, actual.removesuffix(f"{_END}\n"))

    def run_together(self, blocks: list[Block]) -> Iterator[Shown]:
        """Runs several sessions of one command each at the same time."""
        steps = [(block, *step) for block in blocks for step in steps_of(block.body)]
        running = [self._start(["bash", "-c", command]) for _, command, _ in steps]
        for (block, command, expected), process in zip(steps, running, strict=True):
            yield self._shown(block, command, expected, process.communicate(timeout=60)[0])

    def run_python(self, blocks: list[Block]) -> Shown:
        """Runs one session of Python; what is shown as its output is doctest's report of differences."""
        session = self.work / ".session"
        session.write_text("\n".join(block.body for block in blocks))
        process = self._start([sys.executable, "-m", "doctest", str(session)])
        actual = process.communicate(timeout=60)[0]
        session.unlink()
        return self._shown(blocks[0], "python", "", actual)

    def run_ipython(self, block: Block) -> Shown:
        """Runs the command in the caption of a block, types its inputs, and gives all that is shown."""
        import pexpect

        inputs = re.findall(r"^In \[\d+\]: (.*)$", block.body, re.MULTILINE)
        options = {"cwd": str(self.work), "env": self.environment, "encoding": "utf-8", "timeout": 60}
        session = pexpect.spawn("bash", ["-c", block.caption], **options)
        session.expect(r"In \[1\]: ")
        printed = ""
        for number, line in enumerate(inputs, start=2):
            session.sendline(line)
            session.expect(rf"In \[{number}\]: ")
            # The terminal repeats what is typed.
            answer = session.before.replace("\r", "").partition(line)[2]
            printed += f"In [{number - 1}]: {line}\n" + answer.strip("\n") + "\n\n"
        session.sendline("exit")
        session.expect(pexpect.EOF)
        session.close()
        return self._shown(block, block.caption, block.body, printed)

    def _shown(self, block: Block, command: str, expected: str, actual: str) -> Shown:
        actual = actual.replace(str(self.home), _HOME).replace(socket.gethostname(), "node1")
        return Shown(block.line, command.strip(), expected, actual, block.has("numbers vary"))

    def close(self) -> None:
        """Ends the shell."""
        assert self.bash.stdin is not None
        self.bash.stdin.close()
        assert self.bash.stdout is not None
        self.bash.stdout.close()
        self.bash.wait(timeout=60)
