"""Values of options as they were given, with where: on the command line, in the environment, in settings."""

from __future__ import annotations

import argparse
import json
import math
import os
from collections.abc import Mapping
from typing import Any, NamedTuple

from ..errors import UserError
from ..internal.units import parse_size
from .imports import import_object
from .options import OptionError

__all__ = ["Given", "given", "seconds_of_flag"]

_MISSING = object()


def seconds_of_flag(text: str) -> float:
    """For `argparse`: a number of seconds, whole where it was written so. What is below 0 is no error yet."""
    try:
        return _number(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds") from None


def _number(text: str) -> float:
    try:
        return int(text)
    except ValueError:
        value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


class Given(NamedTuple):
    """A value and where it was set, in words; empty for a default."""

    value: Any
    where: str
    is_text: bool = False

    def wrong(self, problem: str) -> OptionError:
        """What to raise if the value has a problem."""
        where = f" (set by {self.where})" if self.where else ""
        return OptionError(f"{problem}{where}")

    def seconds(self, least: float = 0, most: float = math.inf) -> float:
        """A duration: an int where it is whole, else a float."""
        number = self._as_number("number of seconds")
        if not least <= number <= most:
            between = f"between {least:g} and {most:g}" if most < math.inf else f"{least:g} or more"
            raise self.wrong(f"must be {between} seconds, not {self.value}")
        return number

    def above_0(self) -> float:
        """A duration that is not 0."""
        number = self._as_number("number of seconds")
        if number <= 0:
            raise self.wrong(f"must be a number of seconds above 0, not {self.value}")
        return number

    def count(self, least: int = 0, most: int | None = None) -> int:
        """A whole number."""
        number = self._as_number("whole number")
        if not isinstance(number, int):
            raise self.wrong(f"{self.value!r} is no whole number")
        if number < least or (most is not None and number > most):
            between = f"between {least} and {most}" if most is not None else f"{least} or more"
            raise self.wrong(f"must be {between}, not {self.value}")
        return number

    def _as_number(self, what: str) -> float:
        value = self.value
        if self.is_text:
            try:
                return _number(value)
            except ValueError:
                raise self.wrong(f"{value!r} is no {what}") from None
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise self.wrong(f"{value!r} is no {what}")
        return int(value) if value == int(value) else value

    def is_on(self) -> Any:
        """Yes or no: 1 or 0 in the environment, anything else as Python takes it."""
        if not self.is_text:
            return self.value
        try:
            return bool(int(self.value))
        except ValueError:
            raise self.wrong(f"must be 1 or 0, not {self.value!r}") from None

    def text(self) -> str:
        """A string that is not empty."""
        if not isinstance(self.value, str):
            raise self.wrong(f"{self.value!r} is no string")
        if not self.value:
            raise self.wrong("must not be empty")
        return self.value

    def size(self) -> int:
        """Bytes, as in 500M."""
        if isinstance(self.value, int) and not isinstance(self.value, bool) and self.value > 0:
            return self.value
        try:
            size = parse_size(self.text())
        except UserError as error:
            raise self.wrong(str(error)) from None
        if not size:
            raise self.wrong("must be above 0")
        return size

    def json(self) -> Any:
        """What JSON in the environment says, or the value itself."""
        if not self.is_text:
            return self.value
        try:
            return json.loads(self.value)
        except ValueError as error:
            raise self.wrong(f"is no JSON: {error}") from None

    def object(self, what: str) -> Any:
        """What a dotted name refers to."""
        if not isinstance(self.value, str):
            raise self.wrong(f"must be the dotted name of one {what}, not {self.value!r}")
        try:
            return import_object(self.value)
        except ValueError as error:
            raise self.wrong(str(error)) from None
        except ImportError as error:
            # What a module of the user's lacks is in its traceback.
            if error.name and not f"{self.value}.".startswith(f"{error.name}."):
                raise
            raise self.wrong(f"there is no {what} {self.value!r}: {error}") from None
        except AttributeError as error:
            raise self.wrong(f"there is no {what} {self.value!r}: {error}") from None


def given(
    owner: Any,
    key: str,
    default: Any = _MISSING,
    *,
    flag: str | None = None,
    dest: str | None = None,
    env: str | tuple[str, ...] = (),
) -> Given:
    """The value of an option: of the command line before the environment before settings before the default.

    Parameters
    ----------
    owner : Config or ConfigGroup
        Whose option it is.
    key : str
        Its name in the settings.
    default : optional
        Without one, OptionError is raised where nothing is set.
    flag, dest : str, optional
        The flag on the command line, and where its value is.
    env : str or tuple of str, optional
        Variables of the environment; the first that is there and not empty counts.
    """
    if flag is not None:
        value = getattr(owner._args_parser, dest or flag.strip("-").replace("-", "_"), None)
        if value is not None:
            return Given(value, f"{flag} on the command line", isinstance(value, str))
    for name in (env,) if isinstance(env, str) else env:
        if value := os.environ.get(name):
            return Given(value, f"the environment variable {name}", True)
    settings = owner._settings
    if isinstance(settings, Mapping):
        if key in settings:
            path = getattr(owner, "settings_path", "")
            return Given(settings[key], f"{path}[{key!r}] in the settings module" if path else repr(key))
    elif (value := getattr(settings, key, _MISSING)) is not _MISSING:
        name = getattr(settings, "__name__", "")
        return Given(value, f"{key} in the settings module{name and ' '}{name}")
    if default is _MISSING:
        names = " or ".join((env,) if isinstance(env, str) else env)
        path = getattr(owner, "settings_path", "")
        place = f"{path}[{key!r}]" if path else repr(key)
        raise OptionError(f"is not set: neither by {place} in the settings module nor by {names}")
    return Given(default, "")
