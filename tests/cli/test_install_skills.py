"""jug install-skills: a folder about jugfiles, copied to where tools look for it."""

import re
import shutil

import pytest

from jug.subcommands.install_skills import bundled_skill_path, install_skill


def files(folder):
    """All files below a folder, by relative name."""
    paths = [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return {str(path.relative_to(folder)): path.read_text() for path in paths}


@pytest.fixture
def bundled(tmp_path):
    """The files that come with the package."""
    return files(type(tmp_path)(bundled_skill_path()))


def test_it_copies_the_folder_and_says_where_it_is(jug, bundled):
    done = jug("install-skills", "--output", "deep/skills")
    target = jug.folder / "deep" / "skills" / "jug"
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"Installed the jug skill in {target}\n"
    assert files(target) == bundled
    assert [path.name for path in target.parent.iterdir()] == ["jug"]


def test_without_a_directory_it_is_wrong_usage(jug):
    done = jug("install-skills")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "jug: error: jug install-skills needs --output DIR\n"


def test_what_is_there_stays_unless_forced(jug, bundled):
    target = jug.folder / "jug"
    assert jug("install-skills", "--output", ".").returncode == 0
    (target / "SKILL.md").write_text("mine\n")
    (target / "more.md").write_text("mine\n")
    done = jug("install-skills", "--output", ".")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"jug: error: {target} exists already; --force replaces it\n"
    assert (target / "SKILL.md").read_text() == "mine\n"
    assert jug("install-skills", "--output", ".", "--force").returncode == 0
    assert files(target) == bundled


def test_force_replaces_no_folder_that_is_not_a_skill(jug):
    (jug.folder / "jug").mkdir()
    jug.write("precious\n", "jug/thesis.txt")
    done = jug("install-skills", "--output", ".", "--force")
    assert done.returncode == 1
    assert "is not a skill" in done.stderr
    assert (jug.folder / "jug" / "thesis.txt").read_text() == "precious\n"


def test_a_directory_that_cannot_be_made_is_one_line(jug):
    jug.write("", "taken")
    done = jug("install-skills", "--output", "taken/skills")
    assert (done.returncode, done.stdout) == (1, "")
    assert "taken" in done.stderr
    assert done.stderr.count("\n") == 1


def test_from_python_it_returns_the_folder_and_raises(tmp_path):
    assert install_skill(str(tmp_path)) == str(tmp_path / "jug")
    with pytest.raises(RuntimeError, match="exists already"):
        install_skill(str(tmp_path))
    install_skill(str(tmp_path), force=True)


def test_the_files_that_it_names_are_there(bundled):
    text = bundled["SKILL.md"]
    assert text.startswith("---\nname: jug\ndescription: ")
    named = set(re.findall(r"`((?:references|examples)/[\w./]+)`", text))
    assert named == bundled.keys() - {"SKILL.md"}


def test_its_example_runs_to_the_end(jug, bundled):
    shutil.copy(f"{bundled_skill_path()}/examples/pipeline.py", jug.folder / "jugfile.py")
    assert jug("execute").returncode == 0
    done = jug.python(
        """
        import jug
        _, space = jug.init("jugfile.py", "jugfile.jugdata")
        print(sorted(jug.value(space["lines"])))
        """
    )
    assert done.stdout == "['dog: 2', 'fox: 2', 'the: 4']\n"


def test_the_commands_that_it_names_exist(bundled):
    from jug.subcommands import cmdapi

    named = set(re.findall(r"^\| `([\w-]+)", bundled["references/commands.md"], re.MULTILINE))
    assert named
    assert named <= set(cmdapi.names())
