"""Consul through py-consul, with its errors as those of the system."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

from ..errors import UserError

__all__ = ["client_of", "consul_errors"]


def client_of(options: Any) -> Any:
    """A client of the agent that options name: `scheme`, `host`, `port` and `timeout`.

    UserError where py-consul is not installed.
    """
    try:
        import consul
    except ImportError:
        raise UserError("Consul needs the package py-consul: pip install 'jug-rs[lease-consul]'") from None
    return consul.Consul(
        scheme=options.scheme,
        host=options.host,
        port=options.port,
        token=os.environ.get("CONSUL_HTTP_TOKEN"),
        connections_timeout=options.timeout,
    )


@contextlib.contextmanager
def consul_errors() -> Iterator[None]:
    """Has what goes wrong raise OSError, in a line."""
    import consul

    try:
        yield
    except consul.ConsulException as error:
        raise OSError(f"Consul refuses it: {error}") from None
    except OSError as error:  # Those of requests are some.
        raise OSError(f"Consul does not answer ({type(error).__name__})") from None
