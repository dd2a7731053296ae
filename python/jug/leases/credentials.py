"""Servers as URLs name them, and passwords, which no message ever has."""

from __future__ import annotations

import os
import re
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from ..errors import UserError

__all__ = ["Server", "parse", "password_elsewhere", "without_password"]

#: Where a password may be that is not in the URL.
_VARIABLE = "JUG_LEASE_PASSWORD"


#: What is shown in place of what may be a password, and what is none.
_HIDDEN = "***"
_PLAIN = re.compile(r"[A-Za-z0-9_./+~-]*")


class Server(NamedTuple):
    """What a URL says. Its text has no password."""

    scheme: str
    host: str
    port: int
    user: str
    password: str
    path: str
    options: dict[str, str]

    @property
    def place(self) -> str:
        """The URL without user and password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.path}"

    def __repr__(self) -> str:
        return f"<Server {self.place}>"


def parse(url: str, port: int) -> Server:
    """Takes a URL apart.

    Parameters
    ----------
    url : str
        ``SCHEME://[USER[:PASSWORD]@]HOST[:PORT][/PATH][?OPTION=VALUE]``. Without a password, the variable
        ``JUG_LEASE_PASSWORD`` or the file that ``JUG_LEASE_PASSWORD_FILE`` names has it.
    port : int
        The port where it says none.

    Returns
    -------
    Server
        Its parts.

    Raises
    ------
    UserError
        If it is no such URL, or the file with the password cannot be read.
    """
    login, at, rest = url.rpartition("@")
    scheme, _, login = (login if at else url).partition("://")
    try:
        parts = urlsplit(f"{scheme}://{rest if at else login}")
        options = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
        host, found = parts.hostname or "localhost", parts.port
    except ValueError:
        raise UserError(
            f"{without_password(url)!r} names no server: write {scheme or 'SCHEME'}://HOST[:PORT]"
        ) from None
    user, _, password = (login if at else "").partition(":")
    secret = unquote(password) or password_elsewhere() or ""
    return Server(scheme, host, found or port, unquote(user), secret, parts.path, options)


def password_elsewhere() -> str | None:
    """The password that the environment has, or a file that it names; None if there is none.

    Returns
    -------
    str or None
        The password.

    Raises
    ------
    UserError
        If the file cannot be read.
    """
    path = os.environ.get(f"{_VARIABLE}_FILE")
    if not path:
        return os.environ.get(_VARIABLE)
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise UserError(f"the password in {path} ({_VARIABLE}_FILE) cannot be read: {reason}") from None


def with_password(url: str) -> str:
    """A URL of redis with the password that the environment has, if it has none itself."""
    scheme, separator, rest = url.partition("://")
    login, at, place = rest.rpartition("@")
    secret = password_elsewhere()
    if not separator or ":" in login or (at and login and scheme.startswith("redis")) or not secret:
        return url
    return f"{scheme}://{login}:{quote(secret, safe='')}@{place}"


def without_password(url: str) -> str:
    """A URL as it may be shown: without all that is before its last ``@``, and without its options.

    Of what is none, nothing is shown in which there could be a password.
    """
    scheme, separator, rest = url.partition("://")
    if not separator:
        return url if _PLAIN.fullmatch(url) else _HIDDEN
    if not _PLAIN.fullmatch(scheme):
        return _HIDDEN
    place, slash, path = rest.rpartition("@")[2].partition("?")[0].partition("/")
    host, colon, port = place.rpartition(":")
    if colon and not port.isdecimal() and not place.endswith("]") and "@" not in rest:
        # A user and a password, perhaps, and the host was forgotten.
        place = f"{host}:{_HIDDEN}"
    return f"{scheme}://{place}{slash}{path}"
