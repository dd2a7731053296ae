"""The server of `jug webstatus`: where it listens, what it answers, and to whom."""

import contextlib
import errno
import re
import socket

import pytest

from jug.web.server import _cannot_listen
from tests.support.command import Jug
from tests.support.jugfiles import PIPELINE
from tests.support.web import WebStatus


@pytest.fixture(scope="module")
def web(tmp_path_factory):
    """One page for all tests that only ask."""
    jug = Jug(tmp_path_factory.mktemp("web"))
    jug.write(PIPELINE)
    with WebStatus(jug) as running:
        yield running


def test_the_page_has_no_code_of_its_own_and_takes_nothing_from_elsewhere(web):
    page = web.ask("/")
    assert (page.status, page.getheader("Content-Type")) == (200, "text/html; charset=utf-8")
    policy = page.getheader("Content-Security-Policy")
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<style|style=|\son\w+=|javascript:", page.text)
    assert not re.search(r"<script(?![^>]*\ssrc=)", page.text)
    files = [page.text] + [web.ask(path).text for path in ("/page.css", "/page.js", "/view.js")]
    assert not any(re.search(r"https?://|[\"'(]//\w|@import|innerHTML", text) for text in files)


@pytest.mark.parametrize(
    "path", ["/", "/page.css", "/page.js", "/view.js", "/icon.svg", "/state", "/failures"]
)
def test_every_answer_says_what_it_is_and_that_it_is_for_this_page_only(web, path):
    for method in ("GET", "HEAD"):
        answer = web.ask(path, method)
        assert answer.status == 200
        assert answer.getheader("X-Content-Type-Options") == "nosniff"
        assert answer.getheader("Cross-Origin-Resource-Policy") == "same-origin"
        assert answer.getheader("Cache-Control") == "no-store"
        assert answer.getheader("Content-Security-Policy")
        assert answer.getheader("Server") == "jug"
        assert int(answer.getheader("Content-Length")) > 0
        assert bool(answer.text) == (method == "GET")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "NONSENSE"])
def test_nothing_can_be_done_but_looking(web, method):
    answer = web.ask("/state", method, body=b"x" if method == "POST" else None)
    assert (answer.status, answer.getheader("Allow")) == (405, "GET, HEAD")
    assert answer.getheader("X-Content-Type-Options") == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        "/jugfile.py",
        "/../jugfile.py",
        "/%2e%2e/jugfile.py",
        "//etc/passwd",
        "/page",
        "/page.css/",
        "/state/x",
    ],
)
def test_other_paths_lead_nowhere(web, path):
    assert (web.ask(path).status, web.ask(path, "HEAD").status) == (404, 404)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LOCALHOST:9999", 200),
        ("127.0.0.1:80", 200),
        ("[::1]:8080", 200),
        ("jug.localhost", 200),
        ("evil.example", 421),
        ("localhost.evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("192.168.0.1", 421),
        ("[", 421),
        ("", 421),
    ],
)
def test_a_page_from_elsewhere_whose_name_leads_here_learns_nothing(web, host, status):
    answer = web.ask("/state", host=host)
    assert answer.status == status
    assert ("jugfile" in answer.text) == (status == 200)


def raw(port, request):
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(request)
        answer = b""
        while True:
            with contextlib.suppress(ConnectionResetError):
                more = connection.recv(65536)
                answer += more
                if more:
                    continue
            return answer.decode("latin-1")


@pytest.mark.parametrize(
    "request_",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
        b"\x16\x03\x01\r\n\r\n",
        b"GET /" + b"x" * 70000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n",
        b"GET /failures?page=-1 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /failures?page=<b> HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
)
def test_a_bad_request_is_answered_in_a_line_of_text(web, request_):
    answer = raw(web.port, request_)
    assert re.match(r"HTTP/1\.1 (400|414|431|505) ", answer)
    assert "text/plain" in answer
    assert web.ask("/").status == 200


def test_bytes_behind_a_request_are_not_taken_for_another_one(web):
    smuggled = b"GET /jugfile.py HTTP/1.1\r\nHost: localhost\r\n\r\n"
    request = b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(smuggled)
    assert raw(web.port, request + smuggled).count("HTTP/1.1 ") == 1


def test_a_port_that_is_taken_is_one_line(web, pipeline):
    done = pipeline("webstatus", "--port", str(web.port))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"jug: error: cannot listen on port {web.port} of localhost: it is in use; "
        "choose another --port (0 takes a free one)\n"
    )


@pytest.mark.parametrize(
    ("args", "status", "says"),
    [
        (["--ip", "203.0.113.7"], 1, "this machine does not have that address; choose another --ip"),
        (["--ip", "no such name"], 1, "'no such name' is not the address or name of a machine"),
        (["--port", "70000"], 1, "ports are numbers from 0 to 65535"),
        (["--port", "http"], 2, "--port"),
    ],
)
def test_an_address_that_cannot_be_had_is_one_line(pipeline, args, status, says):
    done = pipeline("webstatus", "--port", "0", *args)
    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr.startswith("jug: error: ")
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_port_for_the_administrator_is_explained():
    said = _cannot_listen(PermissionError(errno.EACCES, "Permission denied"), "localhost", 80)
    assert "ports this low are for the administrator; choose another --port" in said


def test_options_come_from_a_configuration_file_too(pipeline, web):
    (pipeline.folder / ".jugrc").write_text(f"[webstatus]\nport = {web.port}\nip = 127.0.0.1\n")
    done = pipeline("webstatus")
    assert f"cannot listen on port {web.port} of 127.0.0.1" in done.stderr


def test_the_template_is_the_page(web):
    from jug.subcommands.webstatus import template

    assert web.ask("/").text == template
