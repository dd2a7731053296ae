"""What is counted under an interpreter, and what the page says of it."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.interpreters import debian, find, page
from tests.interpreters.run import Counts, Outcome, environment, refusal
from tests.support.paths import ROOT

TESTS = """
import pytest
def test_good(): pass
@pytest.mark.parametrize("n", range(3))
def test_more(n): pass
def test_bad(): assert not 1
@pytest.fixture
def broken(): raise OSError
def test_error(broken): pass
def test_skipped(): pytest.skip("no")
@pytest.mark.xfail
def test_expected(): assert not 1
"""
GROUPS = {"core": ("tests/native",), "keys": ("tests/keys",)}


@pytest.fixture
def own() -> find.Interpreter:
    """The interpreter of this test."""
    found = find.probe(Path(sys.executable))
    assert found is not None
    return found


def counted(folder: Path) -> Counts:
    """What is counted of the tests in a folder."""
    words = [sys.executable, "-m", "pytest", "-q", "-p", "tests.interpreters.plugin", f"--rootdir={folder}"]
    words += [
        "--continue-on-collection-errors",
        f"--junitxml={folder / 'report.xml'}",
        str(folder),
        "-c",
        "/dev/null",
    ]
    subprocess.run(words, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, capture_output=True, check=False)
    return Counts.read(folder / "report.xml")


def test_tests_are_counted_by_what_came_out(tmp_path: Path) -> None:
    """Errors of fixtures are failures; what is expected to fail is no pass."""
    (tmp_path / "test_some.py").write_text(TESTS)
    assert counted(tmp_path) == Counts(passed=4, failed=2, skipped=2)


def test_a_file_whose_package_is_not_installed_is_skipped_and_one_that_cannot_be_loaded_failed(
    tmp_path: Path,
) -> None:
    """And a name of our own that is missing is a failure."""
    (tmp_path / "test_good.py").write_text("def test_it(): pass\n")
    (tmp_path / "test_other.py").write_text("import a_package_of_nobody\ndef test_it(): pass\n")
    assert counted(tmp_path) == Counts(passed=1, failed=0, skipped=1)
    (tmp_path / "test_wrong.py").write_text("1 / 0\n")
    (tmp_path / "test_ours.py").write_text("import tests.nothing_of_ours\n")
    assert counted(tmp_path) == Counts(passed=1, failed=2, skipped=1)


@pytest.mark.parametrize(
    ("counts", "refused", "good"),
    [
        ({"a": Counts(2), "b": Counts(1, 0, 4)}, "", True),
        ({"a": Counts(2), "b": Counts(1, 1)}, "", False),
        ({"a": Counts(0, 0, 9)}, "", False),
        ({}, "", False),
        ({}, "jug-rs cannot be installed here", True),
    ],
)
def test_nothing_that_runs_nothing_is_good(own, counts, refused, good) -> None:
    """All skipped is as bad as a failure, and so is what is not refused and did not run."""
    assert Outcome(own, counts, refused=refused).is_good is good


def test_an_environment_names_what_is_not_to_be_had(own, tmp_path: Path) -> None:
    """The rest, and the package itself, is there."""
    wheel = tmp_path / "some_thing-1.0-py3-none-any.whl"
    make = "import sys, zipfile\nwith zipfile.ZipFile(sys.argv[1], 'w') as z:\n"
    make += "    z.writestr('some_thing.py', '')\n"
    info = "some_thing-1.0.dist-info"
    files = {
        "METADATA": "Metadata-Version: 2.1\\nName: some-thing\\nVersion: 1.0\\n",
        "WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
        "RECORD": "",
    }
    make += "".join(f"    z.writestr('{info}/{name}', '{text}')\n" for name, text in files.items())
    subprocess.run([sys.executable, "-c", make, wheel], check=True)
    python, missing = environment(own, tmp_path / "envs", wheel, ("iniconfig", "iniconfig==0.0.0.1"))
    assert missing == ["iniconfig==0.0.0.1"]
    subprocess.run([python, "-c", "import iniconfig, some_thing"], check=True)


def test_what_is_not_refused_by_pip_is_no_refusal(own, tmp_path: Path, monkeypatch) -> None:
    """The line is that of pip, and nothing where it installs or fails otherwise."""
    (tmp_path / "project").mkdir()
    monkeypatch.setattr("tests.interpreters.run.ROOT", tmp_path / "project")
    assert refusal(own, tmp_path / "envs") == ""


def test_the_table_shows_counts_versions_and_refusals(own) -> None:
    """Without the folders of the machine that it was made on."""
    good = Outcome(
        own, {"core": Counts(1234, 0, 3), "keys": Counts(5, 1, 4)}, ["numba"], {"numpy": "2.4.6"}, "", 61.4
    )
    free = find.Interpreter(Path("/x"), "3.13.15", (3, 13, 15, True), True, "fork")
    lines = page.table(
        [good, Outcome(free, refused="jug-rs: and /some/bin/python is one", seconds=2)], GROUPS
    )
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in lines.splitlines()
        if line.startswith("|")
    ]
    head, _, first, second = rows
    assert first == [own.name, own.start_method, "2.4.6", "", "1,234", "5", "1", "7", "61"]
    assert second == ["3.13.15t", "fork", "", "", "refused", "", "", "", "2"]
    assert len(head) == len(first) == len(second)
    assert "jug-rs: and python is one" in lines
    assert f"Not to be had for {own.name}: numba." in lines
    assert "*core*: `tests/native`; *keys*: `tests/keys`." in lines


def test_only_the_table_of_the_page_is_replaced() -> None:
    """And a page without a place for it is an error."""
    old = f"before\n\n{page.BEGIN}\n\nold\n\n{page.END}\n\nafter\n"
    assert page.replaced(old, "new") == old.replace("old", "new")
    with pytest.raises(ValueError, match="the page has no"):
        page.replaced("text", "new")


def test_where_there_are_no_packages_the_reason_is_said(tmp_path: Path, monkeypatch) -> None:
    """A machine without apt is none that interpreters are fetched for."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(OSError, match="apt-get"):
        debian.fetch(tmp_path / "debian", tmp_path / "patchelf")


def test_the_page_is_one_that_a_run_wrote_without_a_failure() -> None:
    """Every minor version from 3.11 on stands in it."""
    written = (ROOT / "docs" / "interpreters.md").read_text()
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in written.splitlines()
        if line.startswith("| 3.")
    ]
    tried = {tuple(map(int, row[0].split(".")[:2])): row for row in rows if not row[0].endswith("t")}
    assert sorted(tried) == [(3, minor) for minor in range(11, 11 + len(tried))]
    assert len(tried) >= 5
    for row in tried.values():
        assert [int(row[-6].replace(",", "")) > 100, row[-3]] == [True, "0"], row
