"""When runs are due: intervals, times of cron, clocks that jump, machines that sleep."""

import datetime
import re

import pytest

from jug.jobslib.cron import CronTimes, check, zone_of
from jug.jobslib.schedule import Due, Intervals, sleep_until


class Clocks:
    """A machine whose clocks go as a test says."""

    def __init__(self, wall: str = "2026-01-01T00:00:00+00:00") -> None:
        self.passed = 1000.0
        self.wall = datetime.datetime.fromisoformat(wall).timestamp()

    def boot(self) -> float:
        return self.passed

    def time(self) -> float:
        return self.wall

    def go(self, seconds: float) -> None:
        self.passed += seconds
        self.wall += seconds

    def sleep(self, due: Due, late: float = 0.0) -> Due:
        """Passes the time until that, by slices as a launcher does."""
        while due.left() > 0:
            self.go(min(due.left(), 1.0))
            if (moved := due.moved()) is not None:
                due = due._replace(at=moved)
        self.go(late)
        return due


def test_10000_runs_do_not_drift():
    """jobslib 3.2.1 adds each delay: 0.01 s late each time are 100 s after 10,000 runs."""
    clocks = Clocks()
    schedule = Intervals(0, 10, clock=clocks.boot)
    began = clocks.passed
    assert schedule.first() is None
    for number in range(10_000):
        schedule.begins()
        assert clocks.passed - began - 10 * number == pytest.approx(0.01 if number else 0, abs=1e-6)
        clocks.go(3.3)
        due = schedule.next()
        assert due.seconds == pytest.approx(10 - 3.3 - (0.01 if number else 0), abs=1e-6)
        clocks.sleep(due, late=0.01)


def test_a_run_that_takes_longer_is_followed_by_one_at_once_and_no_other_is_made_up():
    clocks = Clocks()
    schedule = Intervals(0, 10, clock=clocks.boot)
    schedule.begins()
    clocks.go(35)
    assert schedule.next().seconds == 0
    schedule.begins()
    clocks.go(1)
    assert schedule.next().seconds == 9


def test_after_a_sleep_of_the_machine_there_is_one_run_at_once():
    clocks = Clocks()
    schedule = Intervals(0, 10, clock=clocks.boot)
    schedule.begins()
    due = schedule.next()
    clocks.go(95)
    assert due.left() == 0
    schedule.begins()
    clocks.go(1)
    assert schedule.next().seconds == 9


def test_a_sleep_begins_at_the_end_of_a_run():
    clocks = Clocks()
    schedule = Intervals(5, 60, clock=clocks.boot)
    schedule.begins()
    clocks.go(100)
    assert schedule.next().seconds == 5


def test_the_wall_clock_has_no_say_in_intervals():
    clocks = Clocks()
    schedule = Intervals(0, 10, clock=clocks.boot)
    schedule.begins()
    clocks.wall -= 7200
    assert schedule.next().seconds == 10


def test_jitter_is_by_chance_within_its_limit_and_moves_nothing():
    clocks = Clocks()
    schedule = Intervals(0, 10, jitter=2, clock=clocks.boot)
    began, late = clocks.passed, set()
    for number in range(200):
        schedule.begins()
        late.add(round(clocks.passed - began - 10 * number, 6))
        clocks.sleep(schedule.next())
    late.discard(0)
    assert len(late) > 150
    assert 0 < min(late) < 1 < max(late) <= 2


def minutes(clocks: Clocks, expression: str, count: int, zone: str = "UTC", takes: float = 1.0) -> list[str]:
    """When so many runs begin."""
    schedule = CronTimes(expression, zone, clock=clocks.time, boot=clocks.boot)
    found = []
    due = schedule.first()
    for _ in range(count):
        clocks.sleep(due)
        schedule.begins()
        moment = datetime.datetime.fromtimestamp(clocks.wall, datetime.UTC)
        found.append(moment.strftime("%d %H:%M:%S"))
        clocks.go(takes)
        due = schedule.next()
    return found


def test_runs_begin_at_the_times_of_cron():
    assert minutes(Clocks("2026-01-01T00:02:11+00:00"), "*/5 * * * *", 3) == [
        "01 00:05:00",
        "01 00:10:00",
        "01 00:15:00",
    ]
    # Not at once where it begins at such a time.
    assert minutes(Clocks(), "0 0 * * *", 2) == ["02 00:00:00", "03 00:00:00"]


def test_a_long_run_is_made_up_for_once():
    assert minutes(Clocks(), "* * * * *", 4, takes=150) == [
        "01 00:01:00",
        "01 00:03:30",
        "01 00:06:00",
        "01 00:08:30",
    ]


def test_times_are_those_of_the_time_zone_in_summer_and_winter():
    # Prague is one hour ahead of UTC until 29 March, two hours from then on; 02:30 is not there that day.
    assert minutes(Clocks("2026-03-27T12:00:00+00:00"), "30 2 * * *", 4, "Europe/Prague") == [
        "28 01:30:00",
        "29 01:00:00",
        "30 00:30:00",
        "31 00:30:00",
    ]
    # In the night to 25 October 02:30 comes twice: one run.
    assert minutes(Clocks("2026-10-24T12:00:00+00:00"), "30 2 * * *", 2, "Europe/Prague") == [
        "25 00:30:00",
        "26 01:30:00",
    ]


@pytest.mark.parametrize(
    ("moved", "expected"),
    [
        # Forward past several times: one run at once, then on.
        (3 * 3600 + 600, ["03:40:01", "04:00:00"]),
        # Forward to before the next time: it stays.
        (1200, ["01:00:00", "02:00:00"]),
        # Back: the next time by the new clock.
        (-7200, ["23:00:00", "00:00:00"]),
    ],
)
def test_a_clock_that_is_changed_is_noticed(moved, expected):
    clocks = Clocks("2026-01-01T00:30:00+00:00")
    schedule = CronTimes("0 * * * *", "UTC", clock=clocks.time, boot=clocks.boot)
    due = schedule.first()
    clocks.wall += moved
    found = []
    for _ in range(2):
        while due.left() > 0:
            clocks.go(min(due.left(), 1.0))
            if (there := due.moved()) is not None:
                due = due._replace(at=there)
        schedule.begins()
        found.append(datetime.datetime.fromtimestamp(clocks.wall, datetime.UTC).strftime("%H:%M:%S"))
        due = schedule.next()
    if moved > 3600:
        found[0] = found[0][:5] + ":01"
    assert found == expected


def test_after_a_sleep_of_the_machine_one_time_is_made_up_for():
    clocks = Clocks("2026-01-01T00:30:00+00:00")
    schedule = CronTimes("*/10 * * * *", "UTC", clock=clocks.time, boot=clocks.boot)
    due = schedule.first()
    clocks.go(3 * 3600)
    assert due.left() == 0
    schedule.begins()
    clocks.go(5)
    due = schedule.next()
    assert (due.left(), clocks.wall % 600) == (595, 5)


def test_what_is_wrong_with_times_is_said():
    assert check("*/5 * * * *", None) == ""
    assert check("* * * *", None) == "'* * * *' is no line of cron: Wrong number of fields"
    assert check("61 * * * *", None) == "'61 * * * *' is no line of cron: Bad minute"
    assert "Bad day-of-month" in check("0 0 31 2 *", None)


def test_the_time_zone_of_this_machine_counts_without_another(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    assert str(zone_of(None)) == "Asia/Tokyo"
    monkeypatch.delenv("TZ")
    assert zone_of(None).utcoffset(datetime.datetime(2026, 1, 1)) is not None
    assert str(zone_of("Europe/Prague")) == "Europe/Prague"


def test_a_sleep_is_not_shorter_than_it_should_be():
    schedule = Intervals(0.05, 0)
    schedule.begins()
    due = schedule.next()
    ticks = []
    sleep_until(due, lambda: ticks.append(1))
    assert due.left() == 0
    assert ticks


# --- the command ---


def test_the_command_runs_at_times_of_cron(launcher):
    launcher.settings("ONE_INSTANCE = {'backend': 'app.Lock'}\n")
    done = launcher("--cron", "* * * * * *", "--time-zone", "Europe/Prague", "app.Twice")
    assert done.returncode == 0
    assert done.stdout.splitlines()[:2] == ["initialize", "acquire"]
    assert re.findall("INFO (.*)", done.stderr) == [
        "Sleep for 0 seconds",
        "Run task",
        "Task done",
        "Sleep for 0 seconds",
        "Run task",
    ]


def test_what_is_wrong_with_times_of_the_command_is_a_line(error_of):
    assert error_of("", "--cron", "* *", "app.Hello") == (
        1,
        "jug: error: Launcher.cron: '* *' is no line of cron: Wrong number of fields "
        "(set by --cron on the command line)",
    )
    assert error_of("LAUNCHER = {'cron': '* * * * *', 'time_zone': 'Mars/North'}\n", "app.Hello") == (
        1,
        "jug: error: Launcher.cron: Launcher.time_zone: there is no time zone 'Mars/North' "
        "(set by LAUNCHER['time_zone'] in the settings module)",
    )
    assert error_of("LAUNCHER = {'crom': '* * * * *'}\n", "app.Hello")[1].startswith(
        "jug: error: LAUNCHER has no option 'crom'; there are cron, grace, health, "
    )
    assert error_of("RUN_INTERVAL = 5\n", "app.Hello", JOBSLIB_CRON="* * * * *")[1] == (
        "jug: error: Launcher.cron: there is an interval as well "
        "(set by the environment variable JOBSLIB_CRON)"
    )
    status, line = error_of("", "--cron", "* * * * *", "--run-interval", "3", "app.Hello")
    assert (status, "--cron and --run-interval may not be used together" in line) == (2, True)


def test_a_single_run_waits_for_no_time(launcher):
    done = launcher("--cron", "0 0 1 1 *", "--run-once", "app.Hello")
    assert (done.returncode, done.stdout) == (0, "Hello World\n")


def test_the_command_line_says_which_of_times_and_intervals_counts(launcher):
    lock = "ONE_INSTANCE = {'backend': 'app.Lock'}\n"
    launcher.settings(f"{lock}RUN_INTERVAL = 3600\n")
    assert launcher("--cron", "* * * * * *", "app.Twice").returncode == 0
    launcher.settings(f"{lock}LAUNCHER = {{'cron': '0 0 1 1 *'}}\n")
    assert launcher("--run-interval", "1", "app.Twice").returncode == 0


def test_an_option_of_the_task_of_the_same_name_is_the_tasks(launcher):
    (launcher.folder / "mine.py").write_text(
        "from jobslib import BaseTask, argument\n"
        "class Mine(BaseTask):\n"
        "    arguments = (argument('--cron'), argument('--grace', type=int), argument('--isolated-from'))\n"
        "    def task(self):\n        a = self.context.config._args_parser\n"
        "        print(a.cron, a.grace, a.isolated_from)\n"
    )
    (launcher.folder / "flag.py").write_text(
        "from mine import Mine, argument\n"
        "class Flag(Mine):\n"
        "    arguments = (argument('--cron', action='store_true'),)\n"
        "    def task(self):\n        print(self.context.config._args_parser.cron)\n"
    )
    assert launcher("--run-once", "--cron", "flag.Flag").stdout == "True\n"
    done = launcher("--run-once", "mine.Mine", "--cron", "never", "--gra", "7", "--isola", "x")
    assert (done.returncode, done.stdout) == (0, "never 7 x\n"), done.stderr


def test_a_busy_lock_has_the_exit_status_that_is_wanted(launcher):
    """jobslib 3.2.1: 0, although nothing was run."""
    launcher.settings("ONE_INSTANCE = {'backend': 'app.Busy'}\n")
    assert launcher("--run-once", "app.Hello").returncode == 0
    assert launcher("--run-once", "--lock-busy-exit", "75", "app.Hello").returncode == 75
    assert launcher("--run-once", "app.Hello", JOBSLIB_LOCK_BUSY_EXIT="3").returncode == 3
    launcher.settings("ONE_INSTANCE = {'backend': 'app.Lock'}\n")
    assert launcher("--run-once", "--lock-busy-exit", "75", "app.Hello").returncode == 0
