"""Tasklets: light values derived from tasks, computed at each use and never stored."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

from . import _native
from .internal.short_repr import short

__all__ = ["Tasklet", "TaskletMixin", "iteratetask", "return_tuple"]


class TaskletMixin:
    """What tasks and tasklets share: subscripts defer, iteration is refused."""

    __slots__ = ()

    def __getitem__(self, slice: Any) -> Tasklet:
        return Tasklet(self, _getitem(slice))

    def __iter__(self) -> Iterator[Any]:
        raise NotImplementedError(
            "the result of a task cannot be iterated over before it exists: use "
            "iteratetask(task, n) where its length n is known, or bvalue(task) to wait for it"
        )


#: How many subscripts in a row are shown of a tasklet.
_MAX_STEPS = 6


class Tasklet(TaskletMixin):
    """A value derived from a task by a cheap function, computed at each use and never stored.

    A subscript of a task makes one. It takes the place of a task wherever an argument or a value is expected.

    Parameters
    ----------
    base : Task or Tasklet
        What it is derived from.
    f : callable
        Called with the result of `base`; unlike the function of a task it may be a lambda.
    """

    __slots__ = ("base", "f")

    def __init__(self, base: Any, f: Callable[[Any], Any]) -> None:
        self.base = base
        self.f = f

    def value(self) -> Any:
        """The derived value; its base is loaded if needed.

        Returns
        -------
        any
            What the function returns for the result of the base.
        """
        base: Any = self
        path = []
        while type(base) is Tasklet and type(base.f) is _getitem:
            path.append(_native.resolve(base.f.slice))
            base = base.base
        if path and isinstance(base, _native.TaskCore):
            return _native.part(base, path[::-1])
        return self.f(_native.resolve(self.base))

    __jug_value__ = value

    def can_load(self) -> bool:
        """Whether the base has a result, and so has every task within the index of a subscript.

        Returns
        -------
        bool
            Whether :meth:`value` has what it needs.
        """
        return all(dep.can_load() for dep in self.dependencies())

    def unload(self) -> None:
        """Unloads the base."""
        self.base.unload()

    def unload_recursive(self) -> None:
        """Unloads the base and all that it depends on."""
        self.base.unload_recursive()

    def dependencies(self) -> Iterator[Any]:
        """The base, and the tasks within the index of a subscript.

        Returns
        -------
        iterator of Task or Tasklet
            The base first.
        """
        yield self.base
        if type(self.f) is _getitem:
            yield from self.f.dependencies()

    __jug_dependencies__ = dependencies

    def __jug_hash__(self) -> bytes:
        named = getattr(self.f, "__name__", "") != "<lambda>"
        f = self.f if named else _native.lambda_key(self.f)
        return _native.key(("jug.task.Tasklet", self.base, f)).hex().encode()

    def __repr__(self) -> str:
        return self._in_short()

    def _in_short(self) -> str:
        """What was written to get it, as far as that is a subscript; of many steps the last ones."""
        steps: list[str] = []
        base: Any = self
        while isinstance(base, Tasklet) and type(base.f) is _getitem and len(steps) < _MAX_STEPS:
            steps.append(f"[{short(base.f.slice)}]")
            base = base.base
        if isinstance(base, _native.TaskCore):
            root = f"{base.name}(...)"
        elif steps:
            root = "..."
        else:
            name = getattr(base.f, "__name__", None) or short(base.f)
            made_of = short(base.base) if isinstance(base.base, _native.TaskCore) else "..."
            root = f"Tasklet({made_of}, {name})"
        return root + "".join(reversed(steps))


class _getitem:
    """``obj[index]``, where the index may itself hold tasks."""

    __slots__ = ("slice",)

    def __init__(self, slice: Any) -> None:
        self.slice = slice

    def __call__(self, obj: Any) -> Any:
        return _native.resolve(obj)[_native.resolve(self.slice)]

    def dependencies(self) -> Iterator[Any]:
        """The tasks and tasklets within the index, as far as they are replaced by their values."""
        stack: list[Any] = [self.slice]
        while stack:
            element = stack.pop()
            if isinstance(element, TaskletMixin):
                yield element
            else:
                stack.extend(_native.parts(element))

    def __jug_hash__(self) -> bytes:
        return _native.key(("jug.task._getitem", self.slice)).hex().encode()

    def __repr__(self) -> str:
        return f"jug.task._getitem({self.slice})"


class iteratetask:
    """The first `n` elements of a task's result, as a sequence of tasklets: ``a, b = iteratetask(task, 2)``.

    Parameters
    ----------
    base : Task or Tasklet
        Its result is something that can be indexed.
    n : int
        How many elements to offer. That the result has no others is not checked.
    """

    def __init__(self, base: Any, n: int) -> None:
        self.base = base
        self.n = n

    def __getitem__(self, i: int) -> Tasklet:
        if i >= self.n:
            raise IndexError(f"element {i} of a task that was declared to have {self.n}")
        element: Tasklet = self.base[i]
        return element

    def __len__(self) -> int:
        return self.n


def _get_check(r: Any, i: int, n: int) -> Any:
    if len(r) != n:
        raise ValueError(f"expected a tuple of {n} elements, the task returned {len(r)}")
    return r[i]


def return_tuple(n: int) -> Callable[[Callable[..., Any]], Callable[..., tuple[Tasklet, ...]]]:
    """Decorator for a task generator whose function returns several values: a call gives as many tasklets.

    Parameters
    ----------
    n : int
        How many values the function returns. If it returns another number, the use of one of them raises
        ValueError.

    Returns
    -------
    callable
        The decorator: it takes a task generator, and returns a function with the same arguments that returns
        a tuple of `n` tasklets.
    """

    def wrapper(f: Callable[..., Any]) -> Callable[..., tuple[Tasklet, ...]]:
        def wrapped(*args: Any, **kwargs: Any) -> tuple[Tasklet, ...]:
            r = f(*args, **kwargs)
            return tuple(Tasklet(r, functools.partial(_get_check, i=i, n=n)) for i in range(n))

        return wrapped

    return wrapper


# Users know them as parts of `jug.task`. Under that name they are pickled, and part of keys.
for _each in (Tasklet, TaskletMixin, iteratetask, return_tuple, _getitem, _get_check):
    _each.__module__ = "jug.task"
del _each
