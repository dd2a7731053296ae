"""What is followed through imports, and what is named as not followed."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap

import pytest

from tests.fingerprint.imports import IMPORTS, Project

_LOOK = """
import json, os, sys, traceback
sys.dont_write_bytecode = True
from jug.fingerprint import Watched, fingerprint
for name in sorted(os.listdir(sys.argv[1])):
    # Each of them has modules of the same names.
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        continue
    folder = os.path.join(sys.argv[1], name)
    sys.path.insert(0, folder)
    try:
        import jugfile
        found = fingerprint(jugfile.sim.f, Watched([folder]))
        unwatched = [line.replace(folder + os.sep, "") for line in found.unwatched]
        said = found.digest, list(found.pieces), unwatched
    except BaseException:
        said = "", [], [traceback.format_exc()]
    print(json.dumps([name, *said]), flush=True)
    os._exit(0)
"""


def look(root):
    """What is found in each project in a directory: its digest, its pieces and what is not watched."""
    command = [sys.executable, "-c", _LOOK, str(root)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return {name: found for name, *found in map(json.loads, said.splitlines())}


def write(folder, project, *, is_edited):
    body = project.body
    if "return" not in body:
        body = f"return {body}"
    task = f"@TaskGenerator\ndef sim(x):\n{textwrap.indent(body, '    ')}\n"
    files = {"jugfile.py": f"from jug import TaskGenerator\n{project.above}\n\n{task}", **project.files}
    if is_edited and project.edit == "delete":
        del files[project.edited]
    elif is_edited:
        text = files[project.edited]
        files[project.edited] = "(" if project.edit == "break" else text.replace("x + 1", "x + 2")
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """What is found in each project, before and after its edit."""
    root = tmp_path_factory.mktemp("projects")
    for number, project in enumerate(IMPORTS):
        write(root / f"{number} before", project, is_edited=False)
        write(root / f"{number} after", project, is_edited=True)
    found = look(root)
    return {it.what: (found[f"{n} before"], found[f"{n} after"]) for n, it in enumerate(IMPORTS)}


@pytest.mark.parametrize("project", IMPORTS, ids=lambda it: it.what.replace(" ", "_"))
def test_an_edit_of_what_is_imported_is_other_code_or_it_is_not(outcomes, project):
    before, after = outcomes[project.what]
    outcome = "unknown" if not after[0] else "same" if before[0] == after[0] else "changed"
    assert before[0]
    assert (outcome, tuple(after[2])) == (project.outcome, project.unwatched), (before, after)


def test_a_decorator_of_a_module_that_its_package_imports_changes_what_it_registers_in(tmp_path):
    core = "REG = {}\n\ndef register(f):\n    REG[f.__name__] = f\n    return f\n"
    above = "import pkg\n\n@pkg.core.register\ndef go(x):\n    return x + 1\n"
    files = {"pkg/__init__.py": "from . import core\n", "pkg/core.py": core}
    for name, text in (("before", above), ("after", above.replace("x + 1", "x + 2"))):
        project = Project("", text, "pkg.core.REG['go'](x)", files, "pkg/core.py")
        write(tmp_path / name, project, is_edited=False)
    found = look(tmp_path)
    assert found["before"][0]
    assert found["after"][0]
    assert found["before"][0] != found["after"][0]
