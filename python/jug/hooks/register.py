"""Which functions run at which moment of an execution.

Known moments, and what the functions are called with:

- execute.task-loadable(task): a task was found done already
- execute.task-pre-execute(task): a task is about to run
- execute.task-executed1(task): a task has run and its result is stored
- execute.finished_pre_status(), execute.finished_post_status(): before and after the summary table

A jugfile is executed again after each barrier, in a fresh namespace, and so are the registrations in
it. A function that comes from the same line of the same file, but from another namespace, therefore
replaces the one registered before: it acts once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import FunctionType
from typing import Any, overload

#: A function of a user's, called at a moment.
Hook = Callable[..., object]

_KNOWN = (
    "execute.task-loadable",
    "execute.task-pre-execute",
    "execute.task-executed1",
    "execute.finished_pre_status",
    "execute.finished_post_status",
)
_hooks: dict[str, list[Hook]] = {name: [] for name in _KNOWN}
_once: set[tuple[str, object]] = set()
# The user's function behind a registered hook, by the identities of the list and of the hook in it.
_origins: dict[tuple[int, int], Hook] = {}


def registered(name: str) -> list[Hook]:
    """The functions registered for a moment.

    Parameters
    ----------
    name : str
        The moment.

    Returns
    -------
    list of callable
        The list that registrations change, so that whether it is empty is cheap to look at. Empty where there
        is no
        such moment.
    """
    return _hooks.get(name, [])


def jug_hook(
    name: str, args: Iterable[object] = (), kwargs: Mapping[str, object] | None = None
) -> list[object]:
    """Calls everything registered for a moment, in the order of registration.

    Parameters
    ----------
    name : str
        The moment. Where there is no such moment nothing is called.
    args : iterable, default ()
        Positional arguments of each call.
    kwargs : mapping of str to any, optional
        Keyword arguments of each call.

    Returns
    -------
    list
        What each call returned.
    """
    hooks = _hooks.get(name)
    if not hooks:
        return []
    keywords = kwargs or {}
    return [hook(*args, **keywords) for hook in list(hooks)]


@overload
def register_hook(name: str) -> Callable[[Hook], Hook]: ...
@overload
def register_hook(name: str, f: Hook) -> None: ...
def register_hook(name: str, f: Hook | None = None) -> Callable[[Hook], Hook] | None:
    """Calls a function at a moment from now on; without a function, a decorator that does so.

    Parameters
    ----------
    name : str
        The moment, see :mod:`jug.hooks.register`.
    f : callable, optional
        What to call.

    Returns
    -------
    callable or None
        Without `f` the decorator, which returns the function that it is given.

    Raises
    ------
    ValueError
        If there is no such moment.
    TypeError
        If `f` cannot be called.
    """
    hooks = _hooks_of(name)
    if f is None:

        def decorator(function: Hook) -> Hook:
            add_hook(name, function, origin=function)
            return function

        return decorator
    if not callable(f):
        raise TypeError(f"jug.register_hook: {f!r} cannot be called")
    _place(hooks, f, f)
    return None


def add_hook(name: str, hook: Hook, *, origin: Hook) -> None:
    """Registers a function that stands for one of the user's.

    Parameters
    ----------
    name : str
        The moment, see :mod:`jug.hooks.register`.
    hook : callable
        What to call.
    origin : callable
        The user's function, by which a registration is recognised when the jugfile is loaded again.

    Raises
    ------
    ValueError
        If there is no such moment.
    """
    _place(_hooks_of(name), hook, origin)


def register_hook_once(name: str, code: object, f: Hook) -> None:
    """Like :func:`register_hook`, but ignores a second registration with the same `code`.

    Parameters
    ----------
    name : str
        The moment, see :mod:`jug.hooks.register`.
    code : hashable
        Identifies the registration.
    f : callable
        What to call.

    Raises
    ------
    ValueError
        If there is no such moment.
    """
    hooks = _hooks_of(name)
    if (name, code) not in _once:
        _once.add((name, code))
        _place(hooks, f, None)


def reset_all_hooks() -> None:
    """Forgets every registration."""
    for hooks in _hooks.values():
        hooks.clear()
    _origins.clear()
    _once.clear()


def _hooks_of(name: str) -> list[Hook]:
    try:
        return _hooks[name]
    except KeyError:
        known = ", ".join(_KNOWN)
        raise ValueError(f"jug.register_hook: there is no hook {name!r} (there are: {known})") from None


def _place(hooks: list[Hook], hook: Hook, origin: Hook | None) -> None:
    if origin is None:
        hooks.append(hook)
        return
    for position, other in enumerate(hooks):
        before = _origins.get((id(hooks), id(other)))
        if before is not None and _is_an_earlier_version(before, origin):
            del _origins[(id(hooks), id(other))]
            hooks[position] = hook
            break
    else:
        hooks.append(hook)
    _origins[(id(hooks), id(hook))] = origin


def _is_an_earlier_version(before: Hook, now: Hook) -> bool:
    then, today = _plain_function(before), _plain_function(now)
    if then is None or today is None or then.__globals__ is today.__globals__:
        return False
    here, there = today.__code__, then.__code__
    return (here.co_filename, here.co_firstlineno, here.co_name) == (
        there.co_filename,
        there.co_firstlineno,
        there.co_name,
    )


def _plain_function(hook: Any) -> Any:
    """The Python function behind a method, partial or callable object; None where there is none."""
    for _ in range(8):
        if hasattr(hook, "__code__") and hasattr(hook, "__globals__"):
            return hook
        if hasattr(hook, "__func__"):
            hook = hook.__func__
        elif hasattr(hook, "func"):
            hook = hook.func
        elif isinstance(call := vars(type(hook)).get("__call__"), FunctionType):
            hook = call
        else:
            return None
    return None
