"""Command lines, environments and settings that mean the same to jobslib 3.2.1 and here."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

__all__ = ["CASES", "Case"]

DUMMY = "ONE_INSTANCE = {'backend': 'jobslib.oneinstance.dummy.DummyLock'}\n"
LOCK = "ONE_INSTANCE = {'backend': 'app.Lock'}\n"
LOOP = f"{LOCK}LIVENESS = {{'backend': 'app.Liveness'}}\nMETRICS = {{'backend': 'app.Metrics'}}\n"
WATCHED = f"{LOOP}RUN_ONCE = True\n"
SERVICE = f"""{DUMMY}RUN_ONCE = True
CONFIG_CLASS = 'app.AppConfig'
CONTEXT_CLASS = 'app.AppContext'
GREETING = 'good morning'
SERVICE = {{'uri': 'http://localhost', 'port': 80, 'login': {{'user': 'me'}}}}
"""
LOGGED = (
    '{"version": 1, "disable_existing_loggers": false, "formatters": '
    '{"f": {"format": "%(levelname)s|%(message)s"}}, '
    '"handlers": {"h": {"class": "logging.StreamHandler", "formatter": "f", "stream": "ext://sys.stdout"}}, '
    '"root": {"handlers": ["h"], "level": "DEBUG"}}'
)


class Case(NamedTuple):
    """What is run.

    `settings` is the source of the module ``settings``; None: there is none, nor is it named.
    """

    name: str
    words: str
    settings: str | None = None
    environment: Mapping[str, str] = MappingProxyType({})
    #: Whether `settings` is named on the command line.
    is_named: bool = True


CASES = [
    # --- what is run, and how it is named ---
    Case("hello", "--run-once app.Hello", DUMMY),
    Case("hello-with-settings-that-say-once", "app.Hello", f"{DUMMY}RUN_ONCE = True\n"),
    Case("the-task-has-options", "--run-once app.Hello --name Bob --count 2", DUMMY),
    Case("options-of-the-task-by-short-names", "--run-once app.Hello -n Bob", DUMMY),
    Case("options-behind-the-task", "app.Hello --run-once", DUMMY),
    Case("options-with-equals-signs", "app.Hello --run-once --name=Bob --count=3", DUMMY),
    Case("options-abbreviated", "app.Hello --run-o --na Bob --disable", DUMMY),
    Case("an-ambiguous-abbreviation", "app.Hello --run", DUMMY),
    Case("an-abbreviation-that-other-options-here-begin-with", "--run-once app.Hello --c 2", DUMMY),
    Case("a-task-without-a-name", "--run-once app.Nameless", DUMMY),
    Case("a-task-that-defines-nothing", "--run-once app.Empty", DUMMY),
    Case(
        "settings-by-the-environment",
        "--run-once app.Hello",
        DUMMY,
        {"JOBSLIB_SETTINGS_MODULE": "settings"},
        False,
    ),
    Case(
        "settings-of-the-command-line-come-first",
        "--run-once app.Hello",
        DUMMY,
        {"JOBSLIB_SETTINGS_MODULE": "no"},
    ),
    Case("no-settings-and-no-lock", "--disable-one-instance --run-once app.Hello"),
    Case(
        "no-settings-and-a-lock-by-the-environment",
        "--run-once app.Hello",
        None,
        {"JOBSLIB_ONE_INSTANCE_BACKEND": "app.Lock"},
    ),
    Case("no-settings-at-all", "--run-once app.Hello"),
    Case("settings-that-are-not-there", "-s missing --run-once app.Hello"),
    Case("settings-that-import-what-is-not-there", "app.Hello", "import missing\n"),
    Case("settings-that-raise", "app.Hello", "raise RuntimeError('not today')\n"),
    Case("settings-with-a-syntax-error", "app.Hello", "RUN_ONCE = = True\n"),
    Case("help-of-a-task", "app.Hello -h", DUMMY),
    Case("nothing", ""),
    Case("only-settings", "", DUMMY),
    Case("a-task-without-a-dot", "hello", DUMMY),
    Case("a-module-that-is-not-there", "missing.Task", DUMMY),
    Case("a-class-that-is-not-there", "app.Missing", DUMMY),
    Case("a-class-that-is-no-task", "app.NoTask", DUMMY),
    Case("no-class", "os.path", DUMMY),
    Case("an-unknown-option", "--unknown app.Hello", DUMMY),
    Case("a-wrong-value-of-an-option-of-the-task", "app.Hello --count two", DUMMY),
    # --- the loop ---
    Case("lock-stamp-and-metrics", "app.Hello", WATCHED),
    Case("a-loop-without-a-pause", "app.Counted", LOOP),
    Case("a-loop-that-ends-with-a-status", "app.Counted", LOOP, {"APP_STATUS": "3"}),
    Case("once-with-a-status", "app.Twice --run-once", LOOP),
    Case("a-sleep", "--sleep-interval 1 app.Twice", LOOP),
    Case("an-interval", "--run-interval 2 app.Twice", LOOP),
    Case("a-sleep-by-the-environment", "app.Twice", LOOP, {"JOBSLIB_SLEEP_INTERVAL": "1"}),
    Case("a-sleep-by-settings", "app.Twice", f"{LOOP}SLEEP_INTERVAL = 1\n"),
    Case(
        "the-environment-before-settings",
        "app.Twice",
        f"{LOOP}SLEEP_INTERVAL = 60\n",
        {"JOBSLIB_SLEEP_INTERVAL": "1"},
    ),
    Case(
        "the-command-line-before-all", "--sleep-interval 1 app.Twice", LOOP, {"JOBSLIB_SLEEP_INTERVAL": "60"}
    ),
    Case("both-intervals-on-the-command-line", "--sleep-interval 1 --run-interval 1 app.Twice", LOOP),
    Case("both-intervals-in-settings", "app.Twice", f"{LOOP}SLEEP_INTERVAL = 1\nRUN_INTERVAL = 60\n"),
    Case("a-sleep-of-0-and-an-interval", "app.Twice", f"{LOOP}SLEEP_INTERVAL = 0\nRUN_INTERVAL = 2\n"),
    Case("a-sleep-below-0", "--sleep-interval -1 app.Twice", LOOP),
    Case("an-interval-below-0-in-settings", "app.Twice", f"{LOOP}RUN_INTERVAL = -1\n"),
    Case("a-sleep-that-is-no-number", "--sleep-interval x app.Twice", LOOP),
    Case("a-sleep-that-is-no-number-in-the-environment", "app.Twice", LOOP, {"JOBSLIB_SLEEP_INTERVAL": "x"}),
    Case("once-by-the-environment", "app.Hello", DUMMY, {"JOBSLIB_RUN_ONCE": "1"}),
    Case("not-once-by-the-environment", "app.Twice", WATCHED, {"JOBSLIB_RUN_ONCE": "0"}),
    Case("once-by-a-word-in-the-environment", "app.Hello", DUMMY, {"JOBSLIB_RUN_ONCE": "yes"}),
    Case("once-by-an-empty-variable", "app.Hello", WATCHED, {"JOBSLIB_RUN_ONCE": ""}),
    # --- the lock ---
    Case("the-lock-is-kept", "--sleep-interval 1 --keep-lock app.Twice", LOOP),
    Case(
        "the-lock-is-kept-by-the-environment",
        "--sleep-interval 1 app.Twice",
        LOOP,
        {"JOBSLIB_KEEP_LOCK": "1"},
    ),
    Case("the-lock-is-kept-by-settings", "--sleep-interval 1 app.Twice", f"{LOOP}KEEP_LOCK = True\n"),
    Case("the-lock-is-not-kept-where-it-runs-once", "--keep-lock --run-once app.Hello", LOOP),
    Case("busy", "--run-once app.Hello", LOOP.replace("app.Lock", "app.Busy")),
    Case("busy-with-an-owner", "--run-once app.Hello", LOOP.replace("app.Lock", "app.BusyWithOwner")),
    Case("away-once", "--run-once app.Hello", LOOP.replace("app.Lock", "app.Away")),
    Case(
        "no-lock-is-wanted",
        "--run-once --disable-one-instance app.Hello",
        LOOP.replace("app.Lock", "app.Busy"),
    ),
    Case("the-lock-is-extended", "--run-once app.Extends", LOOP),
    Case(
        "a-lock-with-options",
        "--run-once app.Hello",
        "ONE_INSTANCE = {'backend': 'app.Configured', 'options': {'key': 'a'}}\n",
    ),
    Case(
        "a-lock-with-options-by-the-environment",
        "--run-once app.Hello",
        "ONE_INSTANCE = {'backend': 'app.Configured', 'options': {'key': 'a', 'patience': 2.5}}\n",
        {"APP_KEY": "b"},
    ),
    Case(
        "a-lock-that-lacks-an-option",
        "--run-once app.Hello",
        "ONE_INSTANCE = {'backend': 'app.Configured'}\n",
    ),
    Case(
        "a-lock-with-an-option-of-a-wrong-type",
        "--run-once app.Hello",
        "ONE_INSTANCE = {'backend': 'app.Configured', 'options': {'key': 1}}\n",
    ),
    Case("a-lock-that-is-not-there", "--run-once app.Hello", "ONE_INSTANCE = {'backend': 'app.Missing'}\n"),
    Case("a-lock-by-no-dotted-name", "--run-once app.Hello", "ONE_INSTANCE = {'backend': 'lock'}\n"),
    # --- ends ---
    Case("a-failure-once", "--run-once app.Fails", LOOP),
    Case("a-failure-in-a-loop", "app.FailsOnce", LOOP),
    Case("a-failure-with-the-lock-kept", "--sleep-interval 1 --keep-lock app.FailsOnce", LOOP),
    Case(
        "a-failure-with-the-lock-given-up",
        "--sleep-interval 1 --keep-lock --release-on-error app.FailsOnce",
        LOOP,
    ),
    Case(
        "a-failure-with-a-lock-that-is-not-kept", "--sleep-interval 1 --release-on-error app.FailsOnce", LOOP
    ),
    Case("the-lock-is-lost-once", "--run-once app.Expires", LOOP),
    Case("the-lock-is-lost-in-a-loop", "app.Expires", LOOP),
    Case("no-stamp-can-be-written", "--run-once app.Hello", LOOP.replace("app.Liveness", "app.NoLiveness")),
    Case("sigterm-in-the-task", "app.Signals", LOOP, {"APP_SIGNAL": "SIGTERM"}),
    Case("sigint-in-the-task", "--keep-lock app.Signals", LOOP, {"APP_SIGNAL": "SIGINT"}),
    Case("sigterm-in-a-sleep", "--sleep-interval 30 app.SignalsLater", LOOP, {"APP_SIGNAL": "TERM"}),
    Case("sigint-in-a-sleep", "--sleep-interval 30 app.SignalsLater", LOOP, {"APP_SIGNAL": "INT"}),
    Case(
        "sigterm-in-a-sleep-with-the-lock",
        "--sleep-interval 30 --keep-lock app.SignalsLater",
        LOOP,
        {"APP_SIGNAL": "TERM"},
    ),
    Case("a-task-with-its-own-way-to-end", "app.Handles", LOOP, {"APP_SIGNAL": "SIGTERM"}),
    Case("a-crash", "app.Crashes", LOOP),
    # --- logging, configuration, context ---
    Case("lines-of-the-task", "--run-once app.Logs", DUMMY),
    Case("logging-by-the-environment", "--run-once app.Logs", DUMMY, {"JOBSLIB_LOGGING": LOGGED}),
    Case(
        "logging-by-settings",
        "--run-once app.Logs",
        f"import json\n{DUMMY}LOGGING = json.loads('''{LOGGED}''')\n",
    ),
    Case("logging-that-is-no-json", "--run-once app.Logs", DUMMY, {"JOBSLIB_LOGGING": "{"}),
    Case("logging-that-cannot-be", "--run-once app.Logs", f"{DUMMY}LOGGING = {{'version': 2}}\n"),
    Case("groups-of-options", "app.Serves", SERVICE),
    Case(
        "an-option-of-the-command-line",
        "app.Serves --uri http://there",
        SERVICE,
        {"APP_URI": "http://elsewhere"},
    ),
    Case("an-option-of-the-environment", "app.Serves", SERVICE, {"APP_URI": "http://elsewhere"}),
    Case("a-group-that-lacks-an-option", "app.Serves", SERVICE.replace("'uri'", "'url'")),
    Case("a-group-with-a-wrong-type", "app.Serves", SERVICE.replace("80", "'80'")),
    Case("a-required-option-that-is-none", "app.Serves", SERVICE.replace("'good morning'", "None")),
    Case("a-configuration-that-is-none", "app.Hello", f"{DUMMY}CONFIG_CLASS = 'app.Hello'\n"),
    Case("a-context-that-is-not-there", "app.Hello", f"{DUMMY}CONTEXT_CLASS = 'app.Missing'\n"),
    # --- check-liveness ---
    Case("a-stamp-that-is-young", "check-liveness --max-age 60", LOOP),
    Case("a-stamp-that-is-old", "check-liveness --max-age 60", LOOP, {"APP_AGE": "100"}),
    Case("liveness-of-none", "check-liveness --max-age 60", DUMMY),
    Case("an-age-of-0", "check-liveness --max-age 0", LOOP),
    Case("no-age", "check-liveness", LOOP),
]
