"""Health by HTTP: ``/healthz`` and ``/readyz`` for probes, ``/stamp`` for ``runjob check-liveness``."""

from __future__ import annotations

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from ..errors import UserError
from .state import LauncherState

__all__ = ["HealthServer"]


class HealthServer:
    """Answers in threads of its own, as long as the launcher lives.

    Parameters
    ----------
    state : LauncherState
    host : str
        The address to listen on.
    port : int
        The port; 0 takes a free one.

    Raises
    ------
    UserError
        If that cannot be had.
    """

    def __init__(self, state: LauncherState, host: str, port: int) -> None:
        class Handler(_Handler):
            launcher = state

        class Server(ThreadingHTTPServer):
            address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
            daemon_threads = True
            block_on_close = False

        try:
            self._server = Server((host, port), Handler)
        except OSError as error:
            raise UserError(f"cannot serve health at {host}:{port}: {error.strerror or error}") from None
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, name="jug-health", daemon=True).start()

    def close(self) -> None:
        """Answers no more."""
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    launcher: LauncherState
    timeout = 10

    def do_GET(self) -> None:
        """Answers a question; 503 says no."""
        path = self.path.partition("?")[0]
        if path == "/healthz":
            self._answer(200 if self.launcher.is_alive() else 503, self.launcher.facts())
        elif path == "/readyz":
            self._answer(200 if self.launcher.is_ready() else 503, self.launcher.facts())
        elif path == "/stamp":
            stamp = self.launcher.stamp()
            self._answer(404 if stamp is None else 200, stamp or {"error": "no run has succeeded yet"})
        else:
            self._answer(404, {"error": "ask for /healthz, /readyz or /stamp"})

    do_HEAD = do_GET

    def _answer(self, status: int, facts: dict[str, Any]) -> None:
        body = json.dumps(facts).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing: probes come every few seconds."""
