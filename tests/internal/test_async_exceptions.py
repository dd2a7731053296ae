"""Exceptions that are raised in threads, and taken back."""

import subprocess
import sys
import threading
import time

from jug.internal.async_exceptions import raise_in


class _Interrupt(Exception):
    pass


def test_a_thread_gets_the_exception_amid_what_it_does():
    got = []

    def work():
        try:
            while True:
                time.sleep(0.001)
        except _Interrupt as error:
            got.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    raise_in(thread.ident, _Interrupt)
    thread.join(10)
    assert len(got) == 1


def test_a_thread_that_took_back_what_was_to_be_raised_goes_on_and_can_be_traced():
    """As a debugger does it, or a tool for coverage."""
    code = """
import sys
from jug.internal.async_exceptions import withdraw

def work():
    return sum(i for i in range(1000))

withdraw()
sys.settrace(lambda *_: None)
print(work())
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "499500\n"
