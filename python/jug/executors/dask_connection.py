"""How a cluster of dask is found, by an address or by the file that its scheduler writes."""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import re
import threading
import warnings
from concurrent.futures import Future
from typing import Any

from ..errors import UserError
from ..internal.tracebacks import message_of

__all__ = ["address_of", "connect", "need_distributed", "silence", "unsilence"]

#: How much longer than it is given an attempt to connect may take, in seconds.
_GRACE = 1.0


def need_distributed() -> None:
    """UserError if the package distributed is not there."""
    if importlib.util.find_spec("distributed") is None:
        raise UserError(
            "--backend dask needs the package distributed: pip install distributed (or this package with its "
            "extra: pip install 'jug-rs[dask]')"
        )


def address_of(given: str) -> str:
    """The address of a scheduler, of which an address or a file is given. UserError if the file has none."""
    if "://" in given or re.fullmatch(r"(\[[^\]]+\]|[^/:]+):\d+", given):
        return given
    path = os.path.abspath(given)
    try:
        with open(path) as file:
            address = json.load(file)["address"]
    except FileNotFoundError:
        raise UserError(
            f"there is no scheduler file {path}: start one with --scheduler-file, or give its address "
            "as dask:tcp://HOST:PORT"
        ) from None
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise UserError(
            f"{path} is no scheduler file of dask ({type(error).__name__}: {message_of(error)}): give what "
            "the scheduler wrote (--scheduler-file)"
        ) from None
    return str(address)


def connect(address: str, seconds: float) -> Any:
    """A client of a scheduler. UserError if that has not answered after so many seconds."""
    import distributed

    opened: Future[Any] = Future()

    def connect() -> None:
        try:
            opened.set_result(distributed.Client(address, timeout=seconds, set_as_default=False, name="jug"))
        except BaseException as error:
            opened.set_exception(error)

    # A client waits without end for a server that takes connections and says nothing.
    threading.Thread(target=connect, name="jug-dask-client", daemon=True).start()
    try:
        return opened.result(seconds + _GRACE)
    except (OSError, ValueError, ImportError, TimeoutError) as error:
        raise UserError(
            f"the dask scheduler at {address} does not answer ({message_of(error) or type(error).__name__}): "
            "look whether it runs, and whether the address is right"
        ) from error


def silence() -> dict[str, int]:
    """Has dask say nothing here: what users need to know is said in a line. The levels that its logs had."""
    warnings.filterwarnings("ignore", "Sending large graph")
    levels = {}
    for name, logger in logging.root.manager.loggerDict.items():
        if name.partition(".")[0] == "distributed" and isinstance(logger, logging.Logger):
            levels[name] = logger.level
            logger.setLevel(logging.CRITICAL + 10)
    return levels


def unsilence(levels: dict[str, int]) -> None:
    """Gives logs their levels again, for whatever else uses dask in this process."""
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
