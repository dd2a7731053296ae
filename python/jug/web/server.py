"""Serves the page, its two other files and two JSON documents; nothing else, and only for reading."""

from __future__ import annotations

import errno
import ipaddress
import logging
import socket
import socketserver
import sys
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

from ..errors import UserError
from .feed import StateFeed

__all__ = ["Server", "open_server", "page"]

_log = logging.getLogger("jug")

#: How long a request for news may take, in seconds. Proxies tend to lose patience after 30.
_PATIENCE = 20.0

#: How many requests are answered at once; a page that waits for news is one of them.
_MOST_REQUESTS = 200

_FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
    "/view.js": ("view.js", "text/javascript; charset=utf-8"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}
_JSON = "application/json"

_HEADERS = {
    # Everything comes from here, nothing stands in the page itself, and nobody puts it into a frame.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def page(name: str) -> bytes:
    """A file of the page."""
    return files(__package__).joinpath("page", name).read_bytes()


def open_server(ip: str, port: int) -> Server:
    """A server that listens and does not answer yet.

    Raises
    ------
    UserError
        If it cannot listen there.
    """
    try:
        if not 0 <= port <= 65535:
            raise OSError(errno.EINVAL, "ports are numbers from 0 to 65535")
        return Server(ip, port)
    except OSError as error:
        raise UserError(_cannot_listen(error, ip, port)) from None


def _cannot_listen(error: OSError, ip: str, port: int) -> str:
    where = f"cannot listen on port {port} of {ip}: "
    if isinstance(error, socket.gaierror):
        return f"{where}{ip!r} is not the address or name of a machine; choose another --ip"
    if error.errno == errno.EADDRINUSE:
        return f"{where}it is in use; choose another --port (0 takes a free one)"
    if error.errno == errno.EACCES:
        return f"{where}ports this low are for the administrator; choose another --port (0 takes a free one)"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{where}this machine does not have that address; choose another --ip"
    return f"{where}{error.strerror or error}"


class Server(ThreadingHTTPServer):
    """Listens from its creation on.

    Attributes
    ----------
    feed : StateFeed
        What is shown.
    url : str
        Where.
    """

    daemon_threads = True
    block_on_close = False  # A page that waits for news must not hold up the end.
    allow_reuse_port = False  # Otherwise a second server could take the same port.
    request_queue_size = 64

    def __init__(self, ip: str, port: int) -> None:
        self.feed = StateFeed()
        self.files = {path: (page(name), kind) for path, (name, kind) in _FILES.items()}
        self.address_family, address = _resolve(ip, port)
        self._slots = threading.BoundedSemaphore(_MOST_REQUESTS)
        super().__init__(address, _Handler)
        host, self.port = self.socket.getsockname()[:2]
        #: The names under which a loopback address may be asked; None: anything goes.
        self.only_locally = ipaddress.ip_address(host.partition("%")[0]).is_loopback
        self.name = ip.lower()
        self.url = f"http://{f'[{ip}]' if ':' in ip else ip or host}:{self.port}/"

    def server_bind(self) -> None:
        # Its parent would ask the name server who we are, which can take long.
        socketserver.TCPServer.server_bind(self)

    def accepts_host(self, header: str) -> bool:
        """Whether a request with this Host header is meant for us.

        A page from elsewhere can have its own name resolve to a loopback address, and read what we answer
        (DNS rebinding); the name in its requests gives it away. The port may be that of a tunnel.
        """
        try:
            host = (urlsplit(f"//{header}").hostname or "").rstrip(".")
        except ValueError:
            return False
        if not self.only_locally or host in ("localhost", self.name) or host.endswith(".localhost"):
            return bool(host)
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return False

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._slots.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._slots.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._slots.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        # Readers go away whenever they like.
        if not isinstance(sys.exception(), OSError):
            _log.error("while answering %s", client_address, exc_info=True)


def _resolve(ip: str, port: int) -> tuple[socket.AddressFamily, Any]:
    found = socket.getaddrinfo(ip or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    # Of a name with both kinds of addresses, the one that everything can reach.
    family, _, _, _, address = min(found, key=lambda it: it[0] != socket.AF_INET)
    return family, address


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    def do_GET(self) -> None:
        if self.headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in self.headers:
            self.close_connection = True  # We do not read bodies, so the next request cannot be found.
        server = cast(Server, self.server)
        host = self.headers.get_all("Host") or []
        if len(host) != 1:
            self.send_error(HTTPStatus.BAD_REQUEST, "one Host header is needed")
        elif not server.accepts_host(host[0]):
            self.send_error(HTTPStatus.MISDIRECTED_REQUEST, "ask for localhost, or start with --ip")
        else:
            self._answer(server)

    do_HEAD = do_GET

    def _answer(self, server: Server) -> None:
        url = urlsplit(self.path)
        query = {key: values[-1] for key, values in parse_qs(url.query).items()}
        if url.path in server.files:
            self._send(HTTPStatus.OK, *server.files[url.path])
        elif url.path == "/state":
            patience = _PATIENCE if query.get("wait", "1") == "1" and self.command == "GET" else 0.0
            state = server.feed.state(query.get("after", ""), patience)
            if state is None:
                self._send(HTTPStatus.NO_CONTENT)
            else:
                self._send(HTTPStatus.OK, state, _JSON)
        elif url.path == "/failures":
            number = query.get("page", "0")
            if number.isascii() and number.isdigit() and len(number) < 10:
                self._send(HTTPStatus.OK, server.feed.failures(int(number)), _JSON)
            else:
                self.send_error(HTTPStatus.BAD_REQUEST, "page is a number")
        else:
            self.send_error(HTTPStatus.NOT_FOUND)

    def _send(
        self, status: HTTPStatus, body: bytes = b"", kind: str = "", headers: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        for name, value in {**_HEADERS, **(headers or {})}.items():
            self.send_header(name, value)
        if kind:
            self.send_header("Content-Type", kind)
        if status != HTTPStatus.NO_CONTENT:
            self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answers in one line of text. A method that the base class does not find here is one we forbid."""
        forbidden = code == HTTPStatus.NOT_IMPLEMENTED
        status = HTTPStatus.METHOD_NOT_ALLOWED if forbidden else HTTPStatus(code)
        text = f"{status.value} {status.phrase}"
        if message and not forbidden:
            text += f": {message}"
        self.close_connection = True
        if self.request_version in ("", self.default_request_version):
            self.request_version = self.protocol_version  # It made no sense; the answer shall.
        headers = {"Allow": "GET, HEAD"} if forbidden else {}
        self._send(status, f"{text}\n".encode("ascii", "replace"), "text/plain; charset=utf-8", headers)

    def version_string(self) -> str:
        return "jug"

    def log_message(self, format: str, *args: Any) -> None:
        _log.debug("webstatus: " + format, *args)
