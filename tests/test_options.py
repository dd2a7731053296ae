"""Options: layers, configuration files, the command line."""

import io
import sys

import pytest

from jug import options
from jug.errors import UserError
from jug.options import Options, default_options, parse, read_configuration_file


@pytest.fixture(autouse=True)
def nothing_of_the_users(tmp_path, monkeypatch):
    """A home without configuration, an empty working directory, and sys.argv as it was afterwards."""
    home = tmp_path / "home"
    work = tmp_path / "work"
    home.mkdir()
    work.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setattr(sys, "argv", ["jug"])
    monkeypatch.chdir(work)
    return work


def rc(text):
    return io.StringIO(text)


def test_a_layer_answers_before_the_next_one():
    below = Options(None)
    below.update({"jugdir": "below", "short": True})
    above = Options(below)
    above.jugdir = "above"
    assert (above.jugdir, above.short) == ("above", True)


def test_a_copy_changes_alone():
    first = Options(None)
    first.jugdir = "first"
    second = first.copy()
    second.jugdir = "second"
    assert (first.jugdir, second.jugdir) == ("first", "second")


def test_an_unknown_option_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no_such_option"):
        Options(default_options).no_such_option  # noqa: B018


def test_built_in_values_of_all_commands_are_there_without_parsing():
    assert default_options.execute_wait_cycle_time == 12.0
    assert default_options.execute_nr_wait_cycles == 150
    assert default_options.cleanup_locks_only is False
    assert default_options.jugdir == "%(jugfile)s.jugdata"


def test_dashes_and_underscores_are_alike():
    assert options.key_to_option("execute_wait-cycle-time") == "execute_wait_cycle_time"
    for key in ("wait-cycle-time", "wait_cycle_time"):
        assert parse(["execute"], rc(f"[execute]\n{key}=3\n")).execute_wait_cycle_time == 3.0


def test_values_take_the_type_of_the_built_in_value():
    found = parse(["execute"], rc("[main]\nshort=1\n[execute]\nnr-wait-cycles=4\nname=add\n"))
    assert found.short is True
    assert found.execute_nr_wait_cycles == 4
    assert found.execute_name == "add"


@pytest.mark.parametrize("text", ["", "0", "false", "off", "no", "n", "False", "NO"])
def test_what_counts_as_false(text):
    assert parse(["execute"], rc(f"[main]\nshort={text}\n")).short is False


@pytest.mark.parametrize("text", ["1", "yes", "on", "true", "2", "anything"])
def test_what_counts_as_true(text):
    assert parse(["execute"], rc(f"[main]\nshort={text}\n")).short is True


def test_without_built_in_values_a_configuration_is_text():
    found = read_configuration_file(rc("[main]\nwill-cite=yes\n[zzz]\na-b=c\n"))
    assert (found.will_cite, found.zzz_a_b) == ("yes", "c")
    assert found.next is None


def test_the_section_of_a_command_is_named_like_the_command():
    assert parse(["status"], rc("[invalidate]\nname=add\n")).invalid_name == "add"


def test_the_command_line_wins_over_files():
    found = parse(["execute", "--jugdir", "mine", "--wait-cycle-time", "1"], rc("[main]\njugdir=other\n"))
    assert (found.jugdir, found.execute_wait_cycle_time) == ("mine", 1.0)


def test_a_malformed_file_is_named_with_its_line():
    for text, line, what in (
        ("garbage\n", 1, "section"),
        ("[main]\njugdir=x\nnonsense\n", 3, "option = value"),
        ("[main]\nshort=1\nshort=0\n", 3, "twice"),
        ("[main]\nshort=1\n[execute]\n\nwait-cycle-time=soon\n", 5, "must be a number"),
    ):
        with pytest.raises(UserError, match=rf"^<configuration>:{line}: .*{what}"):
            parse(["execute"], rc(text))


class TestFiles:
    """Which files are read, and in what order they win."""

    def test_local_files_reach_from_the_working_directory_to_the_git_root(self, tmp_path, monkeypatch):
        (tmp_path / ".git").mkdir()
        deep = tmp_path / "a" / "b"
        deep.mkdir(parents=True)
        for path in (tmp_path / ".jugrc", tmp_path / "jugrc", tmp_path / "a" / ".jugrc"):
            path.write_text("[main]\n")
        monkeypatch.chdir(deep)
        found = options.find_local_configuration_files()
        assert found == [str(tmp_path / "a" / ".jugrc"), str(tmp_path / ".jugrc"), str(tmp_path / "jugrc")]

    def test_without_git_only_the_working_directory_counts(self, nothing_of_the_users, tmp_path):
        (tmp_path / ".jugrc").write_text("[main]\njugdir=outside\n")
        assert options.find_local_configuration_files() == []
        (nothing_of_the_users / "jugrc").write_text("[main]\njugdir=inside\n")
        assert parse(["status"]).jugdir == "inside"

    def test_the_nearest_file_wins_and_the_users_own_is_last(self, tmp_path, monkeypatch):
        work = tmp_path / "work"
        (work / ".git").mkdir()
        (work / "sub").mkdir()
        (work / ".jugrc").write_text("[main]\njugdir=root\nverbose=info\n")
        (work / "sub" / ".jugrc").write_text("[main]\njugdir=sub\n")
        own = tmp_path / "home" / ".config" / "jugrc"
        own.parent.mkdir()
        own.write_text("[main]\njugdir=own\nverbose=debug\nshort=1\n")
        monkeypatch.chdir(work / "sub")
        found = parse(["status"])
        assert (found.jugdir, found.verbose, found.short) == ("sub", "info", True)

    def test_only_the_first_of_the_users_files_counts(self, tmp_path):
        home = tmp_path / "home"
        for number, name in enumerate((".config/jug/jugrc", ".config/jugrc", ".jug/configrc")):
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            (home / name).write_text(f"[main]\njugdir={number}\n")
        assert parse(["status"]).jugdir == "0"
        (home / ".config/jug/jugrc").unlink()
        assert parse(["status"]).jugdir == "1"


class TestCommandLine:
    """What is typed, and what it means."""

    @pytest.mark.parametrize(
        ("typed", "jugfile", "seen"),
        [
            (["a.py"], "a.py", []),
            ([], "jugfile.py", []),
            (["a.py", "1", "2"], "a.py", ["1", "2"]),
            (["a.py", "--", "1", "--opt"], "a.py", ["1", "--opt"]),
            (["a.py", "--jugdir", "x", "--", "1"], "a.py", ["1"]),
            (["--jugdir", "x", "a.py", "1"], "a.py", ["1"]),
            (["--", "a.py", "1", "--opt"], "a.py", ["1", "--opt"]),
            (["a.py", "1", "--", "--opt"], "a.py", ["1", "--opt"]),
            (["--", "--opt", "1"], "jugfile.py", ["--opt", "1"]),
        ],
    )
    def test_the_jugfile_sees_its_name_and_the_users_arguments(self, typed, jugfile, seen):
        found = parse(["execute", *typed], rc(""))
        assert (found.jugfile, found.user_args) == (jugfile, seen)
        assert sys.argv == [jugfile, *seen]

    @pytest.mark.parametrize("typed", [["retry", "abcd1234"], ["debug", "work"], ["adopt", "old"]])
    def test_where_words_mean_something_else_what_follows_dashes_is_arguments_only(self, typed):
        """The jugfile has its place among the words."""
        found = parse([*typed, "--", "foo", "--opt"], rc(""))
        assert (found.jugfile, found.user_args) == ("jugfile.py", ["foo", "--opt"])
        found = parse([typed[0], "a.py", typed[1], "--", "foo"], rc(""))
        assert (found.jugfile, found.user_args) == ("a.py", ["foo"])

    def test_the_jugdir_is_named_after_the_jugfile(self):
        assert parse(["execute", "primes.py"], rc("")).jugdir == "primes.jugdata"
        assert parse(["execute"], rc("")).jugdir == "jugfile.jugdata"
        assert parse(["execute"], rc("[main]\njugfile=other.py\n")).jugdir == "other.jugdata"

    def test_the_date_is_expanded_in_the_jugdir(self):
        import re

        found = parse(["execute", "a.py", "--jugdir", "%(jugfile)s-%(date)s-100%%"], rc("")).jugdir
        assert re.fullmatch(r"a-\d{4}-\d\d-\d\d-100%", found)

    @pytest.mark.parametrize("jugdir", ["%(nosuch)s", "50%", "%d"])
    def test_a_jugdir_that_cannot_be_expanded_is_a_clear_error(self, jugdir):
        with pytest.raises(UserError, match=r"cannot expand the jugdir .* %\(jugfile\)s"):
            parse(["execute", "--jugdir", jugdir], rc(""))

    def test_pdb_implies_debug(self):
        assert parse(["execute", "--pdb"], rc("")).debug is True
        assert parse(["execute"], rc("")).debug is False

    def test_sync_is_group_or_always(self):
        assert parse(["execute"], rc("")).sync == "group"
        assert parse(["execute", "--sync", "always"], rc("")).sync == "always"
        assert parse(["execute"], rc("[main]\nsync=always\n")).sync == "always"
        with pytest.raises(UserError, match="sync must be one of group, always"):
            parse(["execute"], rc("[main]\nsync=never\n"))

    def test_options_may_be_abbreviated(self):
        assert parse(["execute", "--verb", "info"], rc("")).verbose == "info"

    @pytest.mark.parametrize(
        "typed",
        [
            ["execute", "--nosuch"],
            ["nosuch"],
            ["--jugdir", "x", "execute"],
            ["execute", "--wait-cycle-time", "soon"],
            ["execute", "--name", "a", "--pattern", "b"],
            ["execute", "--pattern", ""],
            ["execute", "--pattern", "/(/"],
            ["invalidate"],
            ["cleanup", "--locks-only", "--failed-only"],
            ["execute", "--sync", "never"],
        ],
    )
    def test_wrong_usage_is_one_line_and_status_2(self, typed, capsys):
        with pytest.raises(SystemExit) as left:
            parse(typed, rc(""))
        assert left.value.code == 2
        shown = capsys.readouterr()
        assert shown.out == ""
        assert shown.err.startswith("jug: error: ")
        assert shown.err.count("\n") == 1

    def test_target_warns_and_acts_as_name(self, capsys):
        assert parse(["invalidate", "--target", "add"], rc("")).invalid_name == "add"
        assert parse(["execute", "--invalid", "add"], rc("")).execute_name == "add"
        assert capsys.readouterr().err.count("deprecated") == 2


def test_set_jugdir_selects_the_store_of_all_tasks(jug_clean):
    import jug
    from jug.backends.dict_store import dict_store

    store = jug.set_jugdir("dict_store")
    assert isinstance(store, dict_store)
    assert jug.Task.store is store
