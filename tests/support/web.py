"""A running `jug webstatus`, asked over HTTP."""

import http.client
import json
import re
import subprocess
import time
from urllib.parse import urlsplit


class WebStatus:
    """`jug webstatus ARGS` on a free port, until the end of the `with` block."""

    def __init__(self, jug, *args, port=0):
        self.process = jug.start("webstatus", *args, "--port", str(port))
        line = self.process.stdout.readline()
        found = re.search(r"http://\S+/", line)
        if not found:
            _, errors = self.process.communicate(timeout=60)
            raise AssertionError(f"it did not start: {line}{errors}")
        self.url = found[0]
        self.port = urlsplit(self.url).port

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def interrupt(self):
        """Presses Ctrl-C; the exit status, and what was printed after the first line."""
        self.process.send_signal(2)
        out, errors = self.process.communicate(timeout=30)
        return self.process.returncode, out + errors

    def ask(self, path="/", method="GET", headers=None, host=None, body=None):
        """An answer and its body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        given = {"Host": f"localhost:{self.port}" if host is None else host, **(headers or {})}
        connection.request(method, path, body=body, headers=given)
        answer = connection.getresponse()
        answer.text = answer.read().decode()
        connection.close()
        return answer

    def json(self, path):
        """The document at `path`."""
        answer = self.ask(path)
        assert answer.status == 200, answer.text
        return json.loads(answer.text)

    def state(self):
        """What the page shows now."""
        return self.json("/state?wait=0")["state"]

    def until(self, condition, seconds=90.0):
        """The first state for which `condition` holds; each is looked at once."""
        version, deadline = "", time.monotonic() + seconds
        while time.monotonic() < deadline:
            answer = self.ask(f"/state?after={version}")
            if answer.status == 200:
                news = json.loads(answer.text)
                version = news["version"]
                if condition(news["state"]):
                    return news["state"]
        raise AssertionError(f"it never happened: {self.state()}")


def rows(state):
    """The table, by name."""
    return {name: counts for name, *counts in state["names"]}


def finish(worker, timeout=90):
    """Waits for a process that was started."""
    try:
        return worker.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        worker.kill()
        raise
