"""What the README shows works as it stands there."""

import re
from pathlib import Path

from benches import common
from benches.common import OURS, ROOT
from tests.support.named_tests import missing

README = (ROOT / "README.md").read_text()


def test_the_first_jugfile_of_the_readme_runs(tmp_path: Path) -> None:
    """It is executed as printed, and finds the 25 primes below 100."""
    [block] = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    jugfile = tmp_path / "primes.py"
    jugfile.write_text(block)
    common.succeed(common.jug(OURS, "execute", jugfile, tmp_path / "results"))
    program = f"import jug; print(jug.value(jug.init({str(jugfile)!r}, 'results')[1]['total']))"
    assert common.succeed(common.run([OURS, "-c", program], tmp_path)).stdout.split() == ["25"]


def test_every_file_that_the_documents_name_is_there() -> None:
    """Links between README, CHANGELOG and docs lead somewhere."""
    for document in [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text()):
            if "://" not in target:
                assert (document.parent / target).exists(), f"{document.name} links to {target}"


def test_every_test_that_a_page_about_proofs_names_is_there() -> None:
    """A claim about a proof is itself checked: `file::test_name` is a test that runs."""
    pages = [(ROOT / "docs" / page).read_text() for page in ("architecture.md", "reliability.md")]
    named = [re.findall(r"`(tests/[\w/.]+::[^`]+)`", page) for page in pages]
    assert all(named)
    assert missing(test for tests in named for test in tests) == []
