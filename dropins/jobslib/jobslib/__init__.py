"""The names of jobslib, from `jug.jobslib`: its modules are found there under these names as well."""

from jug.jobslib import (
    BaseTask,
    Config,
    ConfigGroup,
    Context,
    OneInstanceWatchdogError,
    __version__,
    argument,
    cached_property,
    option,
)
from jug.jobslib.imports import answer_to_jobslib as _answer
from jug.jobslib.imports import say_which as _say_which

__all__ = [
    "BaseTask",
    "Config",
    "ConfigGroup",
    "Context",
    "OneInstanceWatchdogError",
    "__version__",
    "argument",
    "cached_property",
    "option",
]

_say_which("jug-rs-jobslib")
_answer()
