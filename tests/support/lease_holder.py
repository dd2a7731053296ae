"""A process that gets a lease, uses what it protects, and gives it up, again and again.

Its arguments: URL, name, time to live, the file that the lease protects, seconds of each use. Each use
appends ``TOKEN PROCESS``. It ends by SIGTERM, and gives up the lease before.
"""

from __future__ import annotations

import os
import signal
import sys
import time

from jug.leases import open_lease


def main(url: str, name: str, ttl: str, used: str, seconds: str) -> None:
    """Uses the file in turns with others."""
    ends: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: ends.append(number))
    print(f"ready {os.getpid()}", flush=True)
    with open_lease(url, name, ttl=float(ttl)) as lease:
        while not ends:
            try:
                if not lease.acquire():
                    time.sleep(0.02)
                    continue
            except ConnectionError as error:
                print(f"unreachable: {error}", flush=True)
                time.sleep(0.1)
                continue
            token = lease.token
            end = time.monotonic() + float(seconds)
            while time.monotonic() < end and not ends:
                if not lease.is_held():
                    break
                use(used, token)
                time.sleep(0.01)
            if not lease.release():
                print(f"lost {token}", flush=True)


def use(path: str, token: int | None) -> None:
    """Appends a line in one call of the system."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, f"{token} {os.getpid()}\n".encode())
    os.close(descriptor)


if __name__ == "__main__":
    main(*sys.argv[1:])
