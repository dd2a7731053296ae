"""Settings that jobslib 3.2.1 refuses although its pages show them, and what is said of wrong ones."""

import os
import sys

import pytest


def test_intervals_may_be_floats(launcher):
    """jobslib 3.2.1: "int type is expected", although its page shows 60.0."""
    launcher.settings("ONE_INSTANCE = {'backend': 'app.Lock'}\nSLEEP_INTERVAL = 0.25\nRUN_INTERVAL = 60.0\n")
    done = launcher("app.Twice")
    assert done.returncode == 0
    assert "Sleep for 0.25 seconds" in done.stderr
    assert "Sleep for 0.5 seconds" in launcher("--sleep-interval", "0.5", "app.Twice").stderr
    assert "Sleep for 0.5 seconds" in launcher("app.Twice", JOBSLIB_SLEEP_INTERVAL="0.5").stderr
    assert "Sleep for 1 seconds" in launcher("app.Twice", JOBSLIB_SLEEP_INTERVAL="1.0").stderr


def test_help_needs_no_task(launcher):
    """jobslib 3.2.1: status 2, "the following arguments are required"."""
    for flag in ("-h", "--help"):
        done = launcher(flag)
        assert done.returncode == 0
        assert done.stdout.startswith("usage: runjob ")
        assert "--sleep-interval" in done.stdout


@pytest.mark.parametrize("command", ["script", "subcommand"])
def test_the_current_directory_is_searched(command, launcher):
    """The script of jobslib 3.2.1 finds there neither settings nor tasks."""
    script = ["-c", "import sys; from jug.jobslib.main import command; sys.exit(command())"]
    words = script if command == "script" else ["-m", "jug", "runjob"]
    # As a script is started: "" is not in the path.
    python = [sys.executable, "-I"] if command == "script" else [sys.executable]
    done = launcher.run([*python, *words, "-s", "settings", "--run-once", "app.Hello"])
    if command == "script":
        assert done.returncode == 2
        assert done.stderr == (
            "runjob: error: Invalid application settings module: No module named 'settings'; the current "
            "directory is not searched, because of -P or PYTHONSAFEPATH: name it in PYTHONPATH "
            "(see 'runjob -h')\n"
        )
        (launcher.folder / "start.py").write_text(
            "import sys; sys.path.pop(0); from jug.jobslib.main import command; sys.exit(command())"
        )
        done = launcher.run([sys.executable, "start.py", "-s", "settings", "--run-once", "app.Hello"])
    assert (done.returncode, done.stdout) == (0, "Hello World\n")


def test_an_error_of_an_option_is_a_line_with_its_name_and_where_it_was_set(error_of):
    """jobslib 3.2.1 prints a traceback."""
    assert error_of("", "app.Hello", "--sleep-interval", "-1") == (
        1,
        "jug: error: Config.sleep_interval: must be 0 or more seconds, not -1 "
        "(set by --sleep-interval on the command line)",
    )
    assert error_of("", "app.Hello", JOBSLIB_RUN_INTERVAL="often") == (
        1,
        "jug: error: Config.run_interval: 'often' is no number of seconds "
        "(set by the environment variable JOBSLIB_RUN_INTERVAL)",
    )
    assert error_of("SLEEP_INTERVAL = '5'\n", "app.Hello") == (
        1,
        "jug: error: Config.sleep_interval: '5' is no number of seconds "
        "(set by SLEEP_INTERVAL in the settings module settings)",
    )
    assert error_of("", "app.Hello", JOBSLIB_RUN_ONCE="yes") == (
        1,
        "jug: error: Config.run_once: must be 1 or 0, not 'yes' "
        "(set by the environment variable JOBSLIB_RUN_ONCE)",
    )
    assert error_of("", "app.Hello", JOBSLIB_LOGGING="{") == (
        1,
        "jug: error: Config.logging: is no JSON: Expecting property name enclosed in double quotes: "
        "line 1 column 2 (char 1) (set by the environment variable JOBSLIB_LOGGING)",
    )
    status, line = error_of("LOGGING = {'version': 2}\n", "app.Hello")
    assert status == 1
    assert line.startswith("jug: error: Config.logging: Unsupported version: 2 (set by LOGGING in ")


def test_an_error_of_a_backend_is_a_line_as_well(error_of):
    assert error_of("ONE_INSTANCE = {}\n", "app.Hello") == (
        1,
        "jug: error: Config.one_instance: OneInstanceConfig.backend: no lock is configured: name its class "
        "by ONE_INSTANCE['backend'] in the settings module or by JOBSLIB_ONE_INSTANCE_BACKEND, or use "
        "--disable-one-instance",
    )
    status, line = error_of("ONE_INSTANCE = {'backend': 'jobslib.oneinstance.dummy.Lock'}\n", "app.Hello")
    assert status == 1
    assert "there is no class of a lock 'jobslib.oneinstance.dummy.Lock'" in line
    assert line.endswith("(set by ONE_INSTANCE['backend'] in the settings module)")
    two = "ONE_INSTANCE = {'backend': ['app.Lock', 'app.Busy']}\n"
    assert (
        "must be the dotted name of one class of a lock, not ['app.Lock', 'app.Busy']"
        in error_of(two, "app.Hello")[1]
    )
    two = "ONE_INSTANCE = [{'backend': 'app.Lock'}, {'backend': 'app.Busy'}]\n"
    assert "must be one dictionary with 'backend' and 'options'" in error_of(two, "app.Hello")[1]
    broken = "ONE_INSTANCE = {'backend': 'app.Lock', 'options': 5}\n"
    assert "OneInstanceConfig.options: must be a dictionary, not 5" in error_of(broken, "app.Hello")[1]


def test_a_class_that_is_no_task_is_a_line(error_of):
    assert error_of("", "app.NoTask") == (1, "jug: error: 'app.NoTask' is not subclass of the BaseTask")
    assert error_of("", "os.path") == (1, "jug: error: 'os.path' is not subclass of the BaseTask")
    assert error_of("", "hello") == (1, "jug: error: Invalid name 'hello'")
    assert error_of("", "app.Missing")[0] == 2


def test_settings_that_raise_show_where(launcher):
    launcher.settings("limit = 0\nSLEEP_INTERVAL = 1 / limit\n")
    done = launcher("app.Hello")
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "SLEEP_INTERVAL = 1 / limit" in done.stderr
    assert "ZeroDivisionError" in done.stderr


def test_an_option_of_a_users_class_that_raises_shows_where(launcher):
    launcher.settings(
        "ONE_INSTANCE = {'backend': 'app.Lock'}\nCONFIG_CLASS = 'app.AppConfig'\nGREETING = 'hi'\n"
        "SERVICE = {}\n"
    )
    done = launcher("app.Serves")
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert done.stderr.endswith("ValueError: AppConfig.service: ServiceConfig.uri: 'uri'\n")


def test_options_of_objectvalidator_are_read_as_well(launcher):
    """jobslib has its options from that package, and some import them from there."""
    (launcher.folder / "objectvalidator.py").write_text(
        "class option:\n"
        "    def __init__(self, func):\n        self.func = func\n"
        "    def __get__(self, inst, owner):\n"
        "        return self if inst is None else self.func(inst)\n"
    )
    (launcher.folder / "mine.py").write_text(
        "from jobslib import Config, BaseTask\nfrom objectvalidator import option\n"
        "class MyConfig(Config):\n    @option\n    def mine(self):\n        print('read')\n        return 1\n"
    )
    lock = "ONE_INSTANCE = {'backend': 'app.Lock'}\n"
    launcher.settings(f"{lock}CONFIG_CLASS = 'mine.MyConfig'\nRUN_ONCE = True\n")
    assert launcher("app.Hello").stdout == "read\nacquire\nHello World\nrelease\n"


def test_what_lies_elsewhere_is_not_named_by_the_current_directory(launcher, tmp_path):
    """PYTHONPATH still works, and comes behind it as under ``python -m``."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "elsewhere.py").write_text("from app import Hello\n")
    done = launcher("--run-once", "elsewhere.Hello", PYTHONPATH=f"{other}{os.pathsep}")
    assert (done.returncode, done.stdout) == (0, "Hello World\n")
