"""The same command lines, environments and settings under jobslib 3.2.1 and here."""

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.jobslib.app import APP
from tests.jobslib.cases import CASES, Case
from tests.support.peers import peers_python

LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d (\S+ [A-Z]+ .*)")


class Ended(NamedTuple):
    status: int
    printed: str
    log: list[str]


def _run(python: Path | str, package: str, case: Case, folder: Path) -> Ended:
    named = ["-s", "settings"] if case.settings is not None and case.is_named else []
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("JOBSLIB_", "APP_"))},
        **case.environment,
        "COLUMNS": "100",
    }
    done = subprocess.run(
        # What it says of Python's own plans is of no interest.
        [python, "-W", "ignore", "-m", f"{package}.main", *named, *case.words.split()],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    log = [found[1] for line in done.stderr.splitlines() if (found := LINE.fullmatch(line))]
    # The usage lists more options here.
    printed = "usage" if done.stdout.startswith("usage:") else done.stdout
    return Ended(done.returncode, printed, log)


@pytest.fixture(scope="module")
def all_ended(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Ended, Ended]]:
    """What became of each case there and here; they sleep more than they work."""
    peers = peers_python()

    def both(case: Case) -> tuple[Ended, Ended]:
        folder = tmp_path_factory.mktemp("case")
        (folder / "app.py").write_text(APP)
        if case.settings is not None:
            (folder / "settings.py").write_text(case.settings)
        return _run(peers, "jobslib", case, folder), _run(sys.executable, "jug.jobslib", case, folder)

    with ThreadPoolExecutor(4) as pool:
        return dict(zip((case.name for case in CASES), pool.map(both, CASES), strict=True))


@pytest.mark.parametrize("name", [case.name for case in CASES])
def test_it_ends_with_the_same_status_output_and_log(
    name: str, all_ended: dict[str, tuple[Ended, Ended]]
) -> None:
    theirs, ours = all_ended[name]
    assert ours == theirs
