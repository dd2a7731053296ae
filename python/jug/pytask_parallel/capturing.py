"""Keeps what tasks print."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from io import BytesIO, TextIOWrapper
from typing import IO, Any, ClassVar

from .. import _native
from ..internal.printing import flush_output, open_closed_streams
from .lost_output import STREAMS, Whose, found_if_lost

__all__ = ["captured", "forget_threads", "refuse_closed"]


@contextlib.contextmanager
def captured(how: str, whose: Whose | None = None) -> Iterator[list[str]]:
    """Keeps what is printed meanwhile: the list has stdout and stderr after the context.

    Parameters
    ----------
    how : str
        "fd": all that this process and its children print. "sys": what Python prints in this process.
        "thread": what it prints in this thread. "tee-sys" and "tee-thread": the same, which is printed, too.
        "no": nothing, where one task runs at a time. "": nothing.
    whose : Whose, optional
        With "fd": for which task, if it is to be found after the death of this process.
    """
    texts: list[str] = ["", ""]
    kind, is_tee = how.removeprefix("tee-"), how.startswith("tee-")
    if kind == "thread":
        with _captured_thread(is_tee, texts):
            yield texts
        return
    # Other tasks may run meanwhile where it is "": what they put in the place of a stream is theirs.
    with _restored(is_alone=bool(kind)):
        if kind == "fd":
            with _captured_files(whose, texts):
                yield texts
        elif kind == "sys":
            with _captured_streams(is_tee, texts):
                yield texts
        else:
            yield texts


def refuse_closed(streams: Sequence[Any]) -> None:
    """Has a task fail that closed or detached one of these: ``sys.stdout`` and ``sys.stderr`` as it got them.

    ValueError says which.
    """
    for name, stream in zip(STREAMS, streams, strict=True):
        if _is_gone(stream):
            raise ValueError(
                f"the task closed or detached sys.{name}, which is not its own: leave it open, or have the "
                "task print to a file that it has opened itself"
            )


def forget_threads() -> None:
    """Has stdout and stderr of this process be what they were before threads ran tasks in it."""
    _Printed.remove()


@contextlib.contextmanager
def _restored(*, is_alone: bool) -> Iterator[None]:
    """Has sys.stdout and sys.stderr be afterwards what they were, or new ones where those are closed.

    Else all later tasks of this process would fail, or print where this one did.

    Parameters
    ----------
    is_alone : bool
        Whether one task runs at a time here: else only what is closed is replaced.
    """
    _replace_gone()
    before = [getattr(sys, name) for name in STREAMS]
    try:
        yield
    finally:
        for name, stream in zip(STREAMS, before, strict=True):
            now = getattr(sys, name)
            if now is not stream and (is_alone or now is None or _is_gone(now)):
                # What it keeps back would be written when a later task runs.
                with contextlib.suppress(Exception):
                    now.flush()
                setattr(sys, name, stream)
        _replace_gone()


def _replace_gone() -> None:
    """Opens sys.stdout and sys.stderr again, on their descriptors, where they are closed or detached."""
    for descriptor, name in enumerate(STREAMS, start=1):
        stream = getattr(sys, name)
        if not _is_gone(stream):
            continue
        open_closed_streams()
        fresh = open(  # noqa: SIM115
            descriptor,
            "w",
            buffering=1,
            encoding=getattr(stream, "encoding", None),
            errors="backslashreplace",
            closefd=False,
        )
        setattr(sys, name, fresh)
        if getattr(sys, f"__{name}__") is stream:
            setattr(sys, f"__{name}__", fresh)


def _is_gone(stream: Any) -> bool:
    """Whether it is closed or detached."""
    try:
        return bool(getattr(stream, "closed", False))
    except ValueError:
        return True


@contextlib.contextmanager
def _captured_thread(is_tee: bool, texts: list[str]) -> Iterator[None]:
    kept = [_Kept(None), _Kept(None)]
    _Printed.install()
    _Printed.kept.out, _Printed.kept.err, _Printed.kept.is_tee = *kept, is_tee
    try:
        yield
    finally:
        _Printed.kept.out = _Printed.kept.err = None
        texts[:] = [it.text() for it in kept]


@contextlib.contextmanager
def _captured_files(whose: Whose | None, texts: list[str]) -> Iterator[None]:
    files = [os.fdopen(os.memfd_create("jug-output"), "w+b") for _ in STREAMS]
    flush_output()
    for stream in (sys.stdout, sys.stderr):
        # What is in a buffer is lost with a process.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(line_buffering=True)
    redirection = _native.Redirection(files[0].fileno(), files[1].fileno())
    with found_if_lost(whose, files):
        redirection.begin()
        try:
            yield
        finally:
            flush_output()
            redirection.end()
            texts[:] = [_content(file) for file in files]


@contextlib.contextmanager
def _captured_streams(is_tee: bool, texts: list[str]) -> Iterator[None]:
    kept = [_Kept(stream if is_tee else None) for stream in (sys.stdout, sys.stderr)]
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = kept
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
        texts[:] = [it.text() for it in kept]


def _content(file: IO[bytes]) -> str:
    with file:
        file.seek(0)
        return file.read().decode(errors="replace")


class _Kept(TextIOWrapper):
    """What is printed to it, and to another stream as well."""

    def __init__(self, other: Any) -> None:
        self._bytes = _Bytes()
        self._other = other
        super().__init__(
            self._bytes, encoding="utf-8", errors="backslashreplace", newline="", write_through=True
        )

    def write(self, text: str) -> int:
        if self._other is not None:
            self._other.write(text)
        return super().write(text)

    def flush(self) -> None:
        super().flush()
        if self._other is not None:
            self._other.flush()

    def text(self) -> str:
        """All of it, whether it is closed or not."""
        return self._bytes.all().decode(errors="replace")


class _Bytes(BytesIO):
    """Bytes that are still there when it is closed."""

    _at_end = b""

    def close(self) -> None:
        if not self.closed:
            self._at_end = self.getvalue()
        super().close()

    def all(self) -> bytes:
        return self._at_end if self.closed else self.getvalue()


class _Printed:
    """sys.stdout or sys.stderr of a process whose threads run tasks: each thread's text apart."""

    kept = threading.local()
    #: What they were before, by name.
    _before: ClassVar[dict[str, Any]] = {}

    def __init__(self, other: Any, name: str) -> None:
        self._other = other
        self._name = name

    @classmethod
    def install(cls) -> None:
        for stream, name in (("stdout", "out"), ("stderr", "err")):
            now = getattr(sys, stream)
            if isinstance(now, cls):
                continue
            before = cls._before.setdefault(stream, now)
            # Tasks may have put there what they closed since.
            setattr(sys, stream, cls(before if now is None or _is_gone(now) else now, name))

    @classmethod
    def remove(cls) -> None:
        for stream, before in cls._before.items():
            setattr(sys, stream, before)
        cls._before.clear()

    def write(self, text: str) -> int:
        kept = getattr(self.kept, self._name, None)
        if kept is None or self.kept.is_tee:
            self._other.write(text)
        return len(text) if kept is None else int(kept.write(text))

    # What a thread closes is what is kept of it, and not the stream of all.

    @property
    def buffer(self) -> Any:
        return self._of_thread().buffer

    @property
    def closed(self) -> bool:
        return bool(self._of_thread().closed)

    def close(self) -> None:
        self._of_thread().close()

    def detach(self) -> Any:
        return self._of_thread().detach()

    def _of_thread(self) -> Any:
        kept = getattr(self.kept, self._name, None)
        return self._other if kept is None else kept

    def __getattr__(self, name: str) -> Any:
        return getattr(self._other, name)
