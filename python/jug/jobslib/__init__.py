"""One task, one instance, again and again: the names of jobslib 3.2.1."""

from __future__ import annotations

from .cmdlineparser import argument
from .config import Config, ConfigGroup
from .context import Context, cached_property
from .exceptions import OneInstanceWatchdogError
from .options import option
from .tasks import BaseTask
from .version import VERSION

__all__ = [
    "BaseTask",
    "Config",
    "ConfigGroup",
    "Context",
    "OneInstanceWatchdogError",
    "argument",
    "cached_property",
    "option",
]

__version__ = VERSION
