"""A task that does what its command line says, for runs in processes of their own."""

DEEDS = """
import atexit, ctypes, os, signal, subprocess, sys, time

from jobslib import BaseTask, argument
from jobslib.metrics import BaseMetrics
from jobslib.oneinstance import BaseLock


def say(*words):
    print(*words, flush=True)


class Lock(BaseLock):
    def acquire(self):
        say("acquire", os.getpid())
        return True

    def release(self):
        say("release")
        return True

    def refresh(self):
        say("refresh by", "launcher" if os.getpid() == os.getpgid(0) else "", os.getpid())
        return 7

    def get_lock_owner_info(self):
        raise ConnectionError("the server is away")


class Metrics(BaseMetrics):
    def push(self, metrics):
        say("status", metrics["job_duration_seconds"]["tags"]["status"])


class Deeds(BaseTask):
    name = "deeds"
    arguments = (argument("--do", default="nothing"),)

    def initialize(self):
        self.count = 0

    def task(self):
        self.count += 1
        deed = self.context.config._args_parser.do
        say("task", self.count, os.getpid())
        getattr(self, deed)()

    def print_much(self):
        with open("printing", "w"):
            pass
        os.write(1, bytes(300_000))
        with open("printed", "w"):
            pass

    def nothing(self):
        self.logger.info("nothing to do")

    def part_of_a_line(self):
        os.write(1, b"caf\\xe9\\n")
        atexit.register(lambda: sys.stdout.write("at its exit\\nthe end of a line"))

    def count_to_3(self):
        if self.count == 3:
            sys.exit(4)

    def crash_twice(self):
        with open("crashes", "a") as file:
            file.write("x")
        if os.path.getsize("crashes") <= 2:
            ctypes.string_at(0)
        sys.exit(6)

    def raise_(self):
        raise ValueError("no luck")

    def crash(self):
        ctypes.string_at(0)

    def ask_and_fail(self):
        os.kill(os.getppid(), signal.SIGTERM)
        raise ValueError("no luck")

    def exit(self):
        os._exit(5)

    def leave(self):
        sys.exit("a reason")

    def extend(self):
        say("answer", self.extend_lock())
        try:
            self.context.one_instance_lock.get_lock_owner_info()
        except RuntimeError as error:
            say("error", error)

    def hang_in_c(self):
        # It holds the interpreter all the time, also where a request to end comes before it begins to.
        while True:
            try:
                say("hangs")
                sum(range(10**13))
            except BaseException:
                pass

    def memory(self):
        self.data = bytearray(600_000_000)
        self.data[::4096] = b"x" * len(self.data[::4096])
        time.sleep(60)

    def sleep(self):
        child = subprocess.Popen(["sleep", "67"], start_new_session=True)
        try:
            say("child", child.pid)
            time.sleep(60)
        finally:
            say("cleaned up")

    def stubborn(self):
        words = ["sleeps"]
        while True:
            try:
                if words:
                    say(words.pop())
                time.sleep(60)
            except BaseException as error:
                say("caught", type(error).__name__)
"""
