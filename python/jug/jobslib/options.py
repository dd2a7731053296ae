"""Options of a configuration: methods that are called once, and whose values are checked and kept."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

__all__ = ["OptionError", "OptionsContainer", "option"]

#: Where those come from that were not written with this module: the package that jobslib has them from.
_ORIGINAL = "objectvalidator"


class OptionError(ValueError):
    """A value that an option cannot have: its name, what is wrong, and where it was set."""


class option:
    """Makes an option of a method: ``@option``, or ``@option(required=True, attrtype=int)``.

    Parameters
    ----------
    func : callable, optional
        The method; what it returns is the value.
    required : bool, default False
        Whether None is no value.
    attrtype : type or tuple of types, optional
        Of which type the value has to be, or of which class a subclass. Default: of any.

    Raises
    ------
    ValueError
        When the option is read and has no value that it may have.
    TypeError
        When it is set.
    """

    def __init__(
        self, func: Callable[[Any], Any] | None = None, required: bool = False, attrtype: Any = None
    ) -> None:
        self.func = func
        self.required = required
        self.attrtype = attrtype
        if func is not None:
            functools.update_wrapper(self, func)

    def __call__(self, func: Callable[[Any], Any]) -> option:
        return option(func, self.required, self.attrtype)

    @classmethod
    def get_option_names(cls, inst: object) -> list[str]:
        """Finds the options of an object.

        Parameters
        ----------
        inst : object
            Of any class with options.

        Returns
        -------
        list of str
            Their names, sorted.
        """
        return [name for name, value in inspect.getmembers(type(inst)) if _is_option(value)]

    @classmethod
    def load_all_options(cls, inst: object) -> None:
        """Reads all options of an object.

        Parameters
        ----------
        inst : object
            Of any class with options.

        Raises
        ------
        ValueError
            At the first that has no value that it may have.
        """
        for name in cls.get_option_names(inst):
            getattr(inst, name)

    def __get__(self, inst: Any, owner: type | None = None) -> Any:
        if inst is None:
            return self
        assert self.func is not None
        name = self.func.__name__
        # A base that nobody names is called as what was made of it.
        known = self.func.__qualname__
        known = f"{type(inst).__name__}.{name}" if known.startswith("_") else known
        if name not in inst.__dict__:
            try:
                value = self.func(inst)
                self._check(value)
            except OptionError as error:
                raise OptionError(f"{known}: {error}") from None
            except Exception as error:
                raise ValueError(f"{known}: {error}") from error
            inst.__dict__[name] = value
        return inst.__dict__[name]

    def __set__(self, inst: Any, value: object) -> None:
        raise TypeError("options cannot be set")

    def __repr__(self) -> str:
        return f"<option: {getattr(self.func, '__qualname__', '')}>"

    def _check(self, value: Any) -> None:
        if value is None:
            if self.required:
                raise OptionError("Option value is required")
        elif self.attrtype:
            is_right = issubclass if isinstance(value, type) else isinstance
            if not is_right(value, self.attrtype):
                types = self.attrtype if isinstance(self.attrtype, tuple) else (self.attrtype,)
                names = " or ".join(it.__name__ for it in types)
                raise OptionError(f"{names} type is expected, not {value!r}")


def _is_option(value: object) -> bool:
    kind = type(value)
    return isinstance(value, option) or (kind.__module__, kind.__name__) == (_ORIGINAL, "option")


class OptionsContainer:
    """An object with options, all of which are read when it is made; the arguments go to `initialize`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.initialize(*args, **kwargs)
        option.load_all_options(self)

    def initialize(self, *args: Any, **kwargs: Any) -> None:
        """Called before options are read; for derived classes."""

    def __repr__(self) -> str:
        options = (f"{name}={getattr(self, name)!r}" for name in option.get_option_names(self))
        return f"<{type(self).__name__}: {', '.join(options)}>"
