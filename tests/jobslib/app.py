"""Tasks, locks and what else users write for jobslib, for the settings modules of the tests."""

APP = '''
import json, os, signal, subprocess, sys, threading, time

from jobslib import BaseTask, Config, ConfigGroup, Context, argument, cached_property, option
from jobslib.exceptions import TaskError
from jobslib.liveness import BaseLiveness
from jobslib.metrics import BaseMetrics
from jobslib.oneinstance import BaseLock, OneInstanceWatchdogError


def say(*words):
    print(*words, flush=True)


class Lock(BaseLock):
    """Says what is asked of it."""

    def acquire(self):
        say("acquire")
        return True

    def release(self):
        say("release")
        return True

    def refresh(self):
        say("refresh")
        return True


class Busy(Lock):
    def acquire(self):
        super().acquire()
        return False


class BusyWithOwner(Busy):
    def get_lock_owner_info(self):
        return {"fqdn": "there.example.org", "time_utc": "2020-01-02 03:04:05"}


class Away(Lock):
    def acquire(self):
        super().acquire()
        raise ConnectionError("the server is away")


class Configured(Lock):
    class OptionsConfig(ConfigGroup):
        @option(required=True, attrtype=str)
        def key(self):
            return os.environ.get("APP_KEY") or self._settings["key"]

        @option(attrtype=(int, float))
        def patience(self):
            return self._settings.get("patience", 1)

    def acquire(self):
        say(type(self.options).__name__, sorted(self.options.as_kwargs.items()))
        return True


class Liveness(BaseLiveness):
    def write(self):
        say("stamp", sorted(self.get_state()))

    def read(self):
        return {"timestamp": time.time() - float(os.environ.get("APP_AGE", "0"))}


class NoLiveness(Liveness):
    def write(self):
        raise OSError("no place for a stamp")


class Metrics(BaseMetrics):
    def push(self, metrics):
        for name, metric in sorted(metrics.items()):
            say("push", name, type(metric["value"]).__name__, sorted(metric.get("tags", {}).items()))


class Hello(BaseTask):
    name = "hello"
    description = "says hello"
    arguments = (
        argument("-n", "--name", dest="yourname", default="World", help="your name"),
        argument("--count", type=int, default=1),
    )

    def task(self):
        for _ in range(self.context.config._args_parser.count):
            say("Hello", self.context.config._args_parser.yourname)


class Nameless(BaseTask):
    def task(self):
        say("nameless")


class Empty(BaseTask):
    name = "empty"


class Logs(BaseTask):
    name = "logs"

    def task(self):
        self.logger.debug("a debug line")
        self.logger.info("an info line")
        self.logger.warning("a warning")
        self.stdout.write("out\\\\n")
        self.stderr.write("err\\\\n")


class Counted(BaseTask):
    """Ends the loop with the number of `STATUS` after so many runs."""

    name = "counted"
    runs = 3

    def initialize(self):
        self.count = 0
        say("initialize")

    def task(self):
        self.count += 1
        say("run", self.count)
        if self.count == self.runs:
            sys.exit(int(os.environ.get("APP_STATUS", "0")))


class Twice(Counted):
    name = "twice"
    runs = 2


class Fails(BaseTask):
    name = "fails"

    def task(self):
        raise TaskError("no luck")


class FailsOnce(Counted):
    name = "fails-once"
    runs = 2

    def task(self):
        super().task()
        raise ValueError("the first time")


class Extends(BaseTask):
    name = "extends"

    def task(self):
        say(self.extend_lock(), self.context.one_instance_lock is self.context.one_instance_lock)


class Expires(Counted):
    name = "expires"
    runs = 2

    def task(self):
        super().task()
        raise OneInstanceWatchdogError


class Signals(BaseTask):
    """Sends itself a signal."""

    name = "signals"

    def task(self):
        number = getattr(signal, os.environ["APP_SIGNAL"])
        os.kill(os.getpid(), number)
        time.sleep(10)


class SignalsLater(BaseTask):
    """Is sent a signal while it sleeps between two runs."""

    name = "signals-later"

    def task(self):
        command = f"sleep 0.5; kill -{os.environ['APP_SIGNAL']} {os.getpid()}"
        subprocess.Popen(["sh", "-c", command])


class Handles(Signals):
    """Has its own way to end."""

    def terminate_process(self, number, frame):
        say("asked to end by", number)
        sys.exit(5)


class Crashes(BaseTask):
    name = "crashes"

    def task(self):
        os.kill(os.getpid(), signal.SIGSEGV)


class AppConfig(Config):
    def initialize(self, *args, **kwargs):
        say("config", args, kwargs)

    @option
    def service(self):
        return ServiceConfig(self._settings.SERVICE, self._args_parser)

    @option(required=True, attrtype=str)
    def greeting(self):
        return getattr(self._settings, "GREETING", None)


class ServiceConfig(ConfigGroup):
    @option(required=True, attrtype=str)
    def uri(self):
        return self._args_parser.uri or os.environ.get("APP_URI") or self._settings["uri"]

    @option(attrtype=int)
    def port(self):
        return self._settings.get("port")

    @option
    def login(self):
        return LoginConfig(self._settings.get("login", {}), self._args_parser)


class LoginConfig(ConfigGroup):
    @option
    def user(self):
        return self._settings.get("user", "nobody")


class AppContext(Context):
    def initialize(self):
        self.made = 0

    @cached_property
    def service(self):
        self.made += 1
        return f"{self.config.service.uri} {self.config.service.port} {self.config.service.login.user}"


class Serves(BaseTask):
    name = "serves"
    arguments = (argument("--uri", default=None),)

    def task(self):
        say(self.context.service, self.context.service, self.context.made, self.context.config.greeting)
        say(self.context.config.service, self.context.config.service.as_kwargs["uri"])
        try:
            self.context.config.run_once = True
        except TypeError:
            say("options cannot be set")


class NoTask:
    pass
'''
