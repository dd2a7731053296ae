"""Help, versions, mistakes in the command line and in configuration files, commands of the user's own."""

import re
import subprocess
import sys
import textwrap

import pytest

import jug as package

SUBCOMMANDS = (
    "check",
    "cleanup",
    "count",
    "debug",
    "demo",
    "execute",
    "failures",
    "graph",
    "install-skills",
    "invalidate",
    "retry",
    "shell",
    "sleep-until",
    "status",
    "submit",
    "test-jug",
)


def test_jug_alone_explains_itself(jug):
    done = jug()
    assert done.returncode == 1
    assert done.stderr == ""
    assert done.stdout.startswith("usage: jug SUBCOMMAND [JUGFILE] [OPTIONS]")
    assert "First steps:" in done.stdout
    for command in SUBCOMMANDS:
        assert re.search(rf"^  {command} +\w", done.stdout, re.MULTILINE)
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_help_is_the_same_text_and_a_success(jug):
    for option in ("--help", "-h"):
        done = jug(option)
        assert (done.returncode, done.stdout) == (0, jug().stdout)


@pytest.mark.parametrize("command", SUBCOMMANDS)
def test_each_subcommand_has_help_of_its_own(jug, command):
    done = jug(command, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith(f"usage: jug {command} [JUGFILE] [OPTIONS]")
    assert "--jugdir" in done.stdout
    assert "First steps" not in done.stdout


def test_version_names_this_package(jug):
    done = jug("--version")
    assert (done.returncode, done.stdout) == (0, f"jug-rs {package.__version__}\n")


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (["exceute"], "unknown subcommand 'exceute'; did you mean 'execute'? ('jug --help' lists them)"),
        (["frobnicate"], "unknown subcommand 'frobnicate' ('jug --help' lists them)"),
        (["execute", "--nosuch"], "unrecognized arguments: --nosuch (see 'jug execute --help')"),
        (
            ["--jugdir", "x", "execute"],
            "expected a subcommand before '--jugdir': jug SUBCOMMAND [JUGFILE] [OPTIONS] (see 'jug --help')",
        ),
        (
            ["invalidate"],
            "one of the arguments --name --pattern --target/--invalid --unreadable is required "
            "(see 'jug invalidate --help')",
        ),
        (
            ["execute", "--pattern", "/(/"],
            "argument --pattern: '/(/' is not a valid regular expression: missing ), unterminated subpattern "
            "at position 0 (see 'jug execute --help')",
        ),
        (
            ["execute", "--wait-cycle-time", "soon"],
            "argument --wait-cycle-time: invalid float value: 'soon' (see 'jug execute --help')",
        ),
    ],
)
def test_wrong_usage_is_one_line_and_exit_status_2(pipeline, typed, message):
    done = pipeline(*typed)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"jug: error: {message}\n")


CONFIGURATIONS = [
    (
        "[execute]\nwait-cycle-time = soon\n",
        "2: wait-cycle-time in section [execute] must be a number, not 'soon'",
    ),
    (
        "[main]\n\n[execute]\nnr_wait_cycles: 1.5\n",
        "4: nr_wait_cycles in section [execute] must be a whole number, not '1.5'",
    ),
    ("[execute\n", "1: expected a section such as [main] first"),
    ("[main]\njugdir\n", "2: expected `option = value` or `[section]`"),
    ("[main]\njugdir=a\njugdir=b\n", "3: jugdir in section [main] appears twice"),
    ("[main]\n[status]\n[main]\n", "3: section [main] appears twice"),
]


@pytest.mark.parametrize(("text", "message"), CONFIGURATIONS)
def test_a_malformed_configuration_file_is_named_with_the_line(pipeline, text, message):
    pipeline.write(text, ".jugrc")
    done = pipeline("execute")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"jug: error: {pipeline.folder}/.jugrc:{message}\n"


def test_a_configuration_file_that_is_no_text_is_named(pipeline):
    (pipeline.folder / ".jugrc").write_bytes(b"\xff\xfe[main]\n")
    done = pipeline("status")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(
        f"jug: error: cannot read the configuration file {pipeline.folder}/.jugrc: "
    )
    assert done.stderr.count("\n") == 1


def test_sections_and_options_that_jug_does_not_know_are_left_to_others(pipeline):
    pipeline.write("[main]\nnonsense=1\n[nosuch]\na=b\n", ".jugrc")
    done = pipeline("count", "--short")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("columns", ["", "wide", "-5", "0", "99999999", "1e3"])
def test_a_width_that_is_none_is_ignored(pipeline, columns):
    done = pipeline("count", env={"COLUMNS": columns})
    assert done.returncode == 0
    assert {len(line) for line in done.stdout.splitlines() if line} == {80}


@pytest.mark.parametrize("name", ["JUG_MAX_TASKS", "JUG_MAX_HOURS", "JUG_MAX_MINUTES", "JUG_MAX_SECONDS"])
@pytest.mark.parametrize("value", ["many", "1.5", ""])
def test_a_limit_in_the_environment_that_is_no_number_is_named(pipeline, name, value):
    done = pipeline("execute", env={name: value})
    assert (done.returncode, done.stdout) == (1, "")
    assert (
        done.stderr == f"jug: error: the environment variable {name} must be a whole number, not {value!r}\n"
    )


@pytest.mark.parametrize("command", ["status", "count", "execute", "--help"])
def test_a_reader_that_goes_away_gets_no_complaint(pipeline, command):
    done = subprocess.run(
        f"{sys.executable} -m jug {command} | head -1",
        shell=True,
        cwd=pipeline.folder,
        env=pipeline.env(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    assert done.stdout.count("\n") == 1


def test_an_empty_pattern_in_a_configuration_file_is_an_error(pipeline):
    pipeline.write("[execute]\npattern =\n", ".jugrc")
    done = pipeline("execute")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "jug: error: the pattern '' would match every task; write '/.*/' if that is meant\n"
    )


def test_configuration_files_change_what_commands_do(pipeline):
    pipeline.write("[main]\nshort = yes\njugdir = elsewhere\nwill_cite = 1\n", "jugrc")
    assert pipeline("execute").stdout == "Executed:  7 tasks\nLoaded:  0 tasks\n** Total: 7 tasks.\n"
    assert (pipeline.folder / "elsewhere").is_dir()


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_completions_need_shtab_and_say_so(jug, shell):
    jug.write("raise ImportError\n", "shtab.py")
    done = jug("--print-completion", shell, env={"PYTHONPATH": str(jug.folder)})
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "jug: error: --print-completion needs the package shtab: pip install shtab\n"


def test_completions_are_printed_where_shtab_is_installed(jug):
    pytest.importorskip("shtab")
    done = jug("--print-completion", "bash")
    assert done.returncode == 0
    assert "sleep-until" in done.stdout
    assert "--nr-wait-cycles" in done.stdout


def test_running_an_unknown_subcommand_from_python_prints_the_overview(capsys):
    from jug.subcommands import NoSuchCommandError, cmdapi

    with pytest.raises(SystemExit) as left:
        cmdapi.run("nosuch")
    assert left.value.code == 1
    assert capsys.readouterr().out.endswith("there is no subcommand 'nosuch'\n")
    with pytest.raises(NoSuchCommandError):
        cmdapi.get("nosuch")


USER_COMMAND = """
    from jug.subcommands import SubCommand

    class Names(SubCommand):
        '''Print the names of the tasks'''

        name = "names"

        def run(self, options, store, jugspace, *args, **kwargs):
            from jug.task import alltasks
            print(options.names_greeting, *sorted({task.name for task in alltasks}), "total" in jugspace)
            return 3

        def parse(self, parser):
            parser.add_argument("--greeting", dest="names_greeting", default=None)

        def parse_defaults(self):
            return {"names_greeting": "hello"}

    names = Names()
"""


@pytest.fixture
def with_command(pipeline):
    """`jug` with a command of the user's own."""
    (pipeline.folder / ".config" / "jug").mkdir(parents=True)
    pipeline.write(USER_COMMAND, ".config/jug/jug_user_commands.py")
    return pipeline


def test_a_users_own_command_runs_like_any_other(with_command):
    done = with_command("names")
    assert (done.returncode, done.stdout) == (3, "hello jugfile.add jugfile.double True\n")
    assert with_command("names", "--greeting", "bye").stdout.startswith("bye ")
    assert "Print the names of the tasks" in with_command("--help").stdout
    with_command.write("[names]\ngreeting=hi\n", ".jugrc")
    assert with_command("names").stdout.startswith("hi ")


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("x = 1\nimport nosuchmodule\n", ["line 2", "ModuleNotFoundError: No module named 'nosuchmodule'"]),
        ("x = (\n", ["line 1", "SyntaxError"]),
        ("def f():\n    raise ValueError('mine')\nf()\n", ["line 3", "line 2", "ValueError: mine"]),
    ],
)
def test_a_users_commands_that_do_not_load_are_shown_and_the_rest_works(with_command, source, shown):
    path = with_command.folder / ".config" / "jug" / "jug_user_commands.py"
    path.write_text(source)
    done = with_command("count", "--short")
    assert (done.returncode, done.stdout) == (0, "Count:  7 tasks\n** Total: 7 tasks.\n")
    assert done.stderr.splitlines()[-1].startswith(f"jug: warning: {path} does not load")
    assert [text for text in [f'File "{path}"', *shown] if text not in done.stderr] == []
    assert "subcommands" not in done.stderr


def test_commands_that_were_defined_before_an_error_work(with_command):
    path = with_command.folder / ".config" / "jug" / "jug_user_commands.py"
    path.write_text(path.read_text() + "\n1 / 0\n")
    assert with_command("names").returncode == 3


def test_a_users_command_may_do_without_the_jugfile(with_command):
    path = with_command.folder / ".config" / "jug" / "jug_user_commands.py"
    path.write_text(
        textwrap.dedent("""
            from jug.subcommands import SubCommand

            class Bare(SubCommand):
                name = "bare"
                needs_jugfile = False

                def run(self, options, store, jugspace, *args, **kwargs):
                    print(options.jugfile, store, jugspace)

            Bare()
        """)
    )
    with_command.write("raise ValueError('loaded')\n")
    done = with_command("bare")
    assert (done.returncode, done.stdout, done.stderr) == (0, "jugfile.py None None\n", "")


def test_only_the_module_of_the_command_is_imported(pipeline):
    done = pipeline.python(
        """
        import sys
        from jug.jug import main
        try:
            main(["jug", "count", "--short"])
        except SystemExit:
            pass
        print(sorted(m for m in sys.modules if m.startswith("jug.subcommands.")))
        """
    )
    assert done.stdout.splitlines()[-1] == "['jug.subcommands.count']"


def test_the_module_path_of_the_command_is_the_command(jug):
    jug.write("import jug\nprint(jug.is_jug_running())\n")
    done = jug.python(
        "import runpy, sys; sys.argv[1:] = ['check']; runpy.run_module('jug.jug', run_name='__main__')"
    )
    assert (done.returncode, done.stdout) == (0, "True\n")


def test_a_plain_run_imports_nothing_that_only_others_need(jug):
    """Python itself may have imported some of it when it started."""
    jug.write("""
        import sys
        from jug import TaskGenerator

        @TaskGenerator
        def imported():
            late = ("logging", "traceback", "shutil", "jug.engine.worker.isolated", "jug.web")
            print(*(name for name in late if name in sys.modules), file=open("imported", "w"))

        imported()
    """)
    assert jug("execute", "--will-cite").returncode == 0
    at_start = jug.python("import sys; print(*sys.modules)").stdout.split()
    found = (jug.folder / "imported").read_text().split()
    assert [name for name in found if name not in at_start] == []


def test_log_messages_are_shown_where_they_are_asked_for(pipeline):
    assert "INFO: executing jugfile.add\n" in pipeline("execute", "--verbose=info").stderr
    assert "executing" not in pipeline("execute").stderr
