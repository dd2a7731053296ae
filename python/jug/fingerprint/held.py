"""What a callable object holds beside its code: captured values, defaults, arguments, its state."""

from __future__ import annotations

import enum
import functools
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from .changing import changed_attributes, changed_captures
from .watched import SourceModule, digest_of

__all__ = ["Held", "held_by"]

_PLAIN = frozenset({int, float, complex, str, bytes, bool, type(None), type(...)})
#: Modules of libraries whose objects are values: they are not changed by what is asked of them.
_VALUES = frozenset(
    {"builtins", "collections", "datetime", "decimal", "fractions", "numpy", "pathlib", "re", "uuid"}
)
_FUNCTIONS = (types.FunctionType, types.BuiltinFunctionType)


class Held(NamedTuple):
    """What is found from a callable object.

    Attributes
    ----------
    defined : list of object
        Functions, classes and modules, whose code is to be followed.
    values : dict of str to list
        The other values, as what can be hashed, by where they are held.
    unwatched : list of str
    """

    defined: list[Any]
    values: dict[str, list[Any]]
    unwatched: list[str]


def held_by(function: Any, module_of: Callable[[str], SourceModule | None]) -> Held:
    """All that a callable object holds, and what that holds.

    Parameters
    ----------
    function : callable
    module_of : callable
        The source of a module of the user's by its name; None for others.
    """
    walk = _Walk(module_of)
    walk.run(function)
    return walk.held


class _Walk:
    def __init__(self, module_of: Callable[[str], SourceModule | None]) -> None:
        self._module_of = module_of
        self._waiting: list[Any] = []
        # Kept, as the place in memory of what goes is given to something else.
        self._known: dict[int, Any] = {}
        self._described_already: dict[int, Any] = {}
        self._is_in_instance = False
        self.held = Held([], {}, [])

    def run(self, function: Any) -> None:
        self._waiting.append(function)
        while self._waiting:
            one = self._waiting.pop()
            if id(one) not in self._known:
                self._known[id(one)] = one
                self._look(one)

    def _look(self, one: Any) -> None:
        if isinstance(one, functools.partial):
            self._waiting.append(one.func)
            where = f"{getattr(one.func, '__module__', '')}.{getattr(one.func, '__qualname__', 'partial')}"
            self._note(where.lstrip("."), [*one.args, dict(one.keywords)])
        elif getattr(one, "_jug_is_task_generator", False):
            self._waiting.append(one.f)
        elif isinstance(one, types.MethodType):
            self._waiting.append(one.__func__)
            self._look_at_bound(one, one.__self__)
        elif isinstance(one, types.FunctionType):
            self._look_at_function(one)
        elif isinstance(one, types.BuiltinFunctionType):
            self.held.defined.append(one)
            if not isinstance(one.__self__, (types.ModuleType, type(None), type)):
                self._look_at_bound(one, one.__self__)
        elif isinstance(one, (type, types.ModuleType)):
            self.held.defined.append(one)
            if "<locals>" in getattr(one, "__qualname__", ""):
                self._look_at_local_class(one)
        elif hasattr(one, "__wrapped__"):
            self._waiting.append(one.__wrapped__)
        else:
            self._look_at_bound(one, one)

    def _look_at_function(self, one: types.FunctionType) -> None:
        self.held.defined.append(one)
        changed: set[str] = set()
        # What a name at the top of a module stands for is all in the source.
        is_in_source = _is_in_source(one)
        if one.__closure__ and not is_in_source:
            made_in = self._module_of(one.__globals__.get("__name__", ""))
            changed = changed_captures(made_in, one) if made_in is not None else set()
        for name, value in _values_of(one):
            if is_in_source:
                self._follow(value)
            elif name in changed:
                self._follow(value)
                self.held.unwatched.append(
                    f"what {one.__module__}.{one.__qualname__} holds as {name} is changed while tasks run"
                )
            elif self._module_of(one.__module__) is not None:
                self._note(f"{one.__qualname__}, {name}", [value])
            else:
                self._follow(value)
        wrapped = getattr(one, "__wrapped__", None)
        if wrapped is not None:
            self._waiting.append(wrapped)

    def _look_at_bound(self, function: Any, owner: Any) -> None:
        """Of a method what it is bound to, of another callable object that itself."""
        if isinstance(owner, (type, types.ModuleType)):
            self._waiting.append(owner)
            return
        kind = type(owner)
        name = getattr(function, "__qualname__", kind.__qualname__)
        is_plain = kind in (*_PLAIN, list, tuple, dict)
        if is_plain or (
            self._module_of(kind.__module__) is not None and (_vars_of(owner) or _is_builtin(kind))
        ):
            self._note(f"{name}, self" if function is not owner else name, [owner])
            return
        self._waiting.append(kind)
        if function is not owner and _vars_of(owner):
            # It may be other after the task than before, and a library does not say.
            self.held.unwatched.append(f"{name} is bound to a {kind.__module__}.{kind.__qualname__}")

    def _look_at_local_class(self, one: Any) -> None:
        for name, value in vars(one).items():
            function = getattr(value, "__func__", getattr(value, "fget", value))
            if isinstance(function, types.FunctionType):
                self._waiting.append(function)
            elif not name.startswith("__") and type(value) in (*_PLAIN, list, tuple, dict):
                self._note(f"{one.__qualname__}, {name}", [value])

    def _follow(self, value: Any) -> None:
        """Only the functions and classes in a value count."""
        self._described("", value)

    def _note(self, where: str, values: list[Any]) -> None:
        described = [self._described(where, value) for value in values]
        self.held.values.setdefault(where, []).extend(described)

    def _described(self, where: str, value: Any) -> Any:
        """A value as what has a key; functions and classes in it are followed."""
        kind = type(value)
        if kind in _PLAIN:
            return value
        if isinstance(value, enum.Enum):
            self._waiting.append(kind)
            return "one of", kind.__module__, kind.__qualname__, value.name
        if isinstance(value, (type, *_FUNCTIONS, types.MethodType, types.ModuleType)):
            self._waiting.append(value)
            name = getattr(value, "__qualname__", value.__name__)
            return "code", getattr(value, "__module__", ""), name
        if id(value) in self._described_already:
            return "again", kind.__qualname__
        if kind in (list, tuple, dict, set, frozenset):
            return self._described_container(where, value)
        if isinstance(value, functools.partial) or getattr(value, "_jug_is_task_generator", False):
            self._waiting.append(value)
            return "code", kind.__module__, kind.__qualname__
        if hasattr(value, "__wrapped__") and callable(value):
            self._waiting.append(value)
            return self._described(where, value.__wrapped__)
        self._described_already[id(value)] = value
        if self._module_of(kind.__module__) is not None:
            return self._described_instance(where, value)
        if self._is_in_instance and kind.__module__.removesuffix("._local") not in _VALUES:
            # Such as a part of a model, which is other after it was fitted.
            self.held.unwatched.append(f"{where} holds a {kind.__module__}.{kind.__qualname__}")
            return "value", kind.__module__, kind.__qualname__
        try:
            return "value", digest_of(value)
        except (TypeError, UnicodeEncodeError):
            if where:
                self.held.unwatched.append(f"{where} holds a value that has no key")
            return "value", kind.__module__, kind.__qualname__

    def _described_container(self, where: str, value: Any) -> Any:
        kind = type(value)
        values = value.values() if kind is dict else value
        if {*map(type, values)} <= _PLAIN and (kind is not dict or {*map(type, value)} <= _PLAIN):
            return kind.__name__, value
        self._described_already[id(value)] = value
        if kind is dict:
            items: list[Any] = [
                (self._described(where, key), self._described(where, item)) for key, item in value.items()
            ]
        else:
            items = [self._described(where, item) for item in value]
        # One without an order has another one in each process.
        return kind.__name__, sorted(items, key=repr) if kind in (set, frozenset) else items

    def _described_instance(self, where: str, value: Any) -> Any:
        kind = type(value)
        self._waiting.append(kind)
        changed: set[str] = set()
        for one in kind.__mro__:
            module = self._module_of(one.__module__)
            if module is not None:
                changed |= changed_attributes(module, one.__qualname__)
        state = _vars_of(value)
        for name in sorted(changed & set(state)):
            self.held.unwatched.append(
                f"{kind.__module__}.{kind.__qualname__}.{name} is written while tasks run"
            )
        was_in_instance, self._is_in_instance = self._is_in_instance, True
        described = {
            name: self._described(where, state[name])
            for name in sorted(state)
            if name not in changed and not isinstance(getattr(kind, name, None), functools.cached_property)
        }
        if _is_builtin(kind):
            base = next(it for it in kind.__mro__ if it.__module__ == "builtins")
            described[""] = self._described(where, base(value))
        self._is_in_instance = was_in_instance
        return "instance", kind.__module__, kind.__qualname__, described


def _is_builtin(kind: type) -> bool:
    """Whether an object of a class is a container or plain value, too."""
    return issubclass(kind, (list, tuple, dict, set, frozenset, str, bytes, int, float))


def _vars_of(value: Any) -> dict[str, Any]:
    """The attributes that an object itself has."""
    state: dict[str, Any] = dict(getattr(value, "__dict__", {}))
    for kind in type(value).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name.startswith("__") and not name.endswith("__"):
                name = f"_{kind.__name__.lstrip('_')}{name}"
            if name not in ("__dict__", "__weakref__") and hasattr(value, name):
                state[name] = getattr(value, name)
    return state


def _values_of(function: types.FunctionType) -> Iterator[tuple[str, Any]]:
    """The captured variables of a function, and the defaults of its arguments where no module has them."""
    code = function.__code__
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield name, cell.cell_contents
        except ValueError:
            continue  # It is not set yet.
    if "<locals>" in code.co_qualname:
        defaults = function.__defaults__ or ()
        positional = code.co_varnames[: code.co_argcount]
        yield from zip(positional[len(positional) - len(defaults) :], defaults, strict=True)
        yield from sorted((function.__kwdefaults__ or {}).items())
        yield from sorted(
            (name, value) for name, value in function.__dict__.items() if not name.startswith("_")
        )


def _is_in_source(function: types.FunctionType) -> bool:
    module = sys.modules.get(function.__module__)
    named = getattr(module, function.__qualname__, None)
    return named is function or getattr(named, "f", None) is function
