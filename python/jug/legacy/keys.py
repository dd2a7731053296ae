"""The key that a task has in jug 2.x: SHA-1 over its name and arguments.

A value enters the hash by its ``__jug_hash__``, or element by element (lists, tuples, dicts, sets, numpy
arrays), or else by its pickle of protocol 4. Before each element comes the pickle of its label: its index,
the hash of its key in a dict, or a word. What a pickle depends on, such as which strings are one object and
the versions of Python and numpy, the key depends on as well: here as there.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import pickle
import sys
import types
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from .. import compound, hash, io, mapreduce, task

__all__ = ["LEAVES", "Keys", "NoKey"]

_PROTOCOL = 4
#: The types of which no value has parts, or can change.
LEAVES = frozenset((int, str, bytes, float, bool, type(None)))
_LABELS = [pickle.dumps(number, _PROTOCOL) for number in range(1024)]

Labelled = Iterable[tuple[object, object]]


class NoKey(Exception):
    """jug 2.x could not have hashed a task, or one that it depends on; the message names it."""


class _Needed(BaseException):
    """The key of another task has to be computed first. No error: user code must not catch it."""

    def __init__(self, needed: task.Task) -> None:
        self.task = needed


class Keys:
    """Computes keys, each once, without recursion over the graph."""

    def __init__(self) -> None:
        # By identity; the tasks are kept, so that no other one takes over the id of one that is gone.
        self._tasks: dict[int, tuple[task.Task, bytes | NoKey]] = {}
        self._sequences: dict[int, tuple[object, bytes]] = {}
        self._asked: dict[int, object] = {}

    def __len__(self) -> int:
        """How many tasks were asked for their key, and have it or have none."""
        return len(self._tasks)

    def __contains__(self, t: task.Task) -> bool:
        """Whether a task was asked."""
        return id(t) in self._tasks

    def of(self, t: task.Task) -> bytes:
        """The key of a task, as 40 hexadecimal digits. NoKey where jug 2.x has none."""
        stack = [t]
        while stack:
            top = stack[-1]
            if id(top) not in self._tasks:
                try:
                    found: bytes | NoKey = self._compute(top)
                except _Needed as needed:
                    stack += [d for d in top.dependencies() if id(d) not in self._tasks]
                    stack.append(needed.task)
                    continue
                except NoKey as error:
                    found = error  # That of an argument.
                except Exception as error:
                    found = NoKey(f"task {top.name}: {type(error).__name__}: {error}")
                self._tasks[id(top)] = (top, found)
            stack.pop()
        return self._known(t)

    def known(self, t: task.Task) -> bytes | None:
        """The key of a task if it was computed and there is one."""
        key = self._tasks[id(t)][1] if t in self else None
        return None if isinstance(key, NoKey) else key

    def newest(self, count: int) -> list[task.Task]:
        """The `count` tasks that were asked last."""
        return [t for t, _ in itertools.islice(reversed(self._tasks.values()), count)]

    def withdraw(self, count: int) -> None:
        """Forgets the keys of the `count` tasks that were asked last."""
        for t in self.newest(count):
            del self._tasks[id(t)]
        # They may be in these.
        self._sequences.clear()

    def refuse(self, t: task.Task, why: str) -> None:
        """Has a task have no key, nor those that depend on it and were not asked yet."""
        self._tasks[id(t)] = (t, NoKey(why))

    def take_asked(self) -> list[object]:
        """The objects whose ``__jug_hash__`` was called since this was called last."""
        asked, self._asked = self._asked, {}
        return list(asked.values())

    def _known(self, t: task.Task) -> bytes:
        if id(t) not in self._tasks:
            raise _Needed(t)
        key = self._tasks[id(t)][1]
        if isinstance(key, NoKey):
            raise NoKey(str(key))
        return key

    def _compute(self, t: task.Task) -> bytes:
        if isinstance(t, compound.Carrier):
            return self._known(t.whole)
        args = t.__dict__.get(mapreduce.GIVEN) or t.args
        labelled = [("name", t.name.encode()), ("args", args), ("kwargs", t.kwargs)]
        return _digest(self.hash_update(hashlib.sha1(), labelled))

    # --- the functions of `jug.hash`, as they are in jug 2.x ---

    def hash_one(self, obj: object) -> bytes:
        """The hash of any value, as 40 hexadecimal digits."""
        return _digest(self.hash_update(hashlib.sha1(), [("hash1", obj)]))

    def new_hash_object(self) -> Any:
        """A fresh SHA-1."""
        return hashlib.sha1()

    def hash_update(self, M: Any, elems: Labelled) -> Any:
        """Feeds labelled values to the hash object `M`, and returns it."""
        stack = [iter(elems)]
        while stack:
            for label, value in stack[-1]:
                if type(label) is int and 0 <= label < len(_LABELS):
                    M.update(_LABELS[label])
                else:
                    M.update(pickle.dumps(label, _PROTOCOL))
                inside = self._enter(M, value)
                if inside is not None:
                    stack.append(iter(inside))
                    break
            else:
                stack.pop()
        return M

    def _enter(self, M: Any, value: Any) -> Labelled | None:
        """Feeds one value, all but the elements that it returns."""
        kind = type(value)
        if kind in LEAVES:
            M.update(pickle.dumps(value, _PROTOCOL))
            return None
        if kind is list or kind is tuple:
            M.update(repr(kind).encode())
            return enumerate(value)
        if kind is dict:
            M.update(b"dict")
            pairs = [(self.hash_one(key), element) for key, element in value.items()]
            return sorted(pairs, key=lambda pair: pair[0])
        if kind is set or kind is frozenset:
            M.update(kind.__name__.encode())
            return enumerate(sorted(map(self.hash_one, value)))
        return self._enter_object(M, value)

    def _enter_object(self, M: Any, value: Any) -> Labelled | None:
        own = self._own_hash(value)
        numpy = sys.modules.get("numpy")
        if own is not None:
            M.update(own)
        elif numpy is not None and type(value) is numpy.ndarray:
            M.update(b"np.ndarray")
            M.update(pickle.dumps(value.dtype, _PROTOCOL))
            M.update(pickle.dumps(value.shape, _PROTOCOL))
            if value.dtype.hasobject:
                return enumerate(value.ravel().tolist())
            # It needs a buffer (dates have none), whose bytes count in the order of the indices.
            M.update((value if value.flags.c_contiguous else value.copy()).data)
        else:
            M.update(pickle.dumps(value, _PROTOCOL))
        return None

    # --- what has a hash of its own ---

    def _own_hash(self, value: Any) -> bytes | None:
        if isinstance(value, task.Task):
            return self._known(value)
        if type(value) is types.FunctionType and mapreduce.MAPPED_BY in value.__dict__:
            return self.hash_one(value.__dict__[mapreduce.MAPPED_BY])
        if not hasattr(value, "__jug_hash__"):
            return None
        rule = _RULES.get(_definer(type(value)))
        return self._of_users(value) if rule is None else rule(self, value)

    def _tasklet(self, t: task.Tasklet) -> bytes:
        f: object = t.f
        if isinstance(t, io.NoLoad):
            f = "NoLoad"
        elif getattr(f, "__name__", "") == "<lambda>":
            f = self._lambda(f)
        return _digest(self.hash_update(hashlib.sha1(b"Tasklet"), [("base", t.base), ("f", f)]))

    def _subscript(self, subscript: Any) -> bytes:
        return self.hash_one(("jug.task._getitem", subscript.slice))

    def _mapped(self, mapped: mapreduce.block_access) -> bytes:
        # Every slice of the results of a `map` comes by here: its blocks are looked at once.
        known = self._sequences.get(id(mapped))
        if known is None:
            what = {
                "type": "map-access",
                "len": mapped.len,
                "blocks": mapped.blocks,
                "block_size": mapped.block_size,
            }
            known = self._sequences[id(mapped)] = (mapped, self.hash_one(what))
        return known[1]

    def _mapped_slice(self, part: mapreduce.block_access_slice) -> bytes:
        what = {
            "type": "map-access-slice",
            "base": part.base,
            "start": part.start,
            "stop": part.stop,
            "stride": part.stride,
        }
        return self.hash_one(what)

    def _of_users(self, value: Any) -> bytes:
        """What a user's `__jug_hash__` returns where jug hashes by the rules of 2.x.

        It may remember what it found; that is forgotten again, since by our rules it is something else.
        """
        self._asked[id(value)] = value
        attributes = getattr(value, "__dict__", None)
        if type(attributes) is not dict:
            attributes = {}  # It has none, or not of its own.
        before = dict(attributes)
        with self._rules_in_force():
            try:
                found = value.__jug_hash__()
            finally:
                if not _is_as(attributes, before):
                    attributes.clear()
                    attributes.update(before)
        if not isinstance(found, (bytes, bytearray, memoryview)):
            raise TypeError(f"the __jug_hash__ of a {type(value).__name__} returned {type(found).__name__}")
        return bytes(found)

    @contextlib.contextmanager
    def _rules_in_force(self) -> Iterator[None]:
        """Lets `jug.hash` and the hashes of our own objects follow jug 2.x."""
        if hash.other_rules is self:
            yield
            return
        replaced = [(owner, "__jug_hash__", owner.__dict__["__jug_hash__"]) for owner in (task.Task, *_RULES)]
        outer, hash.other_rules = hash.other_rules, self
        try:
            setattr(task.Task, "hash", self._method())  # noqa: B010 (to mypy a method is no attribute)
            for owner, name, _ in replaced:
                setattr(owner, name, self._method())
            yield
        finally:
            del task.Task.hash
            for owner, name, original in replaced:
                setattr(owner, name, original)
            hash.other_rules = outer

    def _method(self) -> Callable[[Any], bytes | None]:
        return lambda value: self._own_hash(value)

    # --- lambdas ---

    def _lambda(self, f: Any) -> tuple[object, ...]:
        """What tells a lambda from another: its code, and the values that it captured."""
        cells = []
        for cell in f.__closure__ or ():
            try:
                cells.append(self._captured(cell.cell_contents))
            except ValueError:
                cells.append(None)  # The variable has no value yet.
        defaults = tuple(map(self._captured, f.__defaults__ or ()))
        by_name = {name: self._captured(value) for name, value in (f.__kwdefaults__ or {}).items()}
        return ("<lambda>", _code(f.__code__), tuple(cells), defaults, by_name)

    def _captured(self, value: object) -> object:
        try:
            self.hash_one(value)
        except Exception:
            return ("unhashable", type(value).__module__, type(value).__qualname__)
        return _as_set(value)


#: The classes of ours that define a hash, and what it is in jug 2.x.
_RULES: dict[type, Callable[[Keys, Any], bytes]] = {
    task.Tasklet: Keys._tasklet,
    task._getitem: Keys._subscript,
    mapreduce.block_access: Keys._mapped,
    mapreduce.block_access_slice: Keys._mapped_slice,
}


def _digest(M: Any) -> bytes:
    digest: str = M.hexdigest()
    return digest.encode()


def _is_as(attributes: dict[str, Any], before: dict[str, Any]) -> bool:
    """Whether two dicts hold the same objects; to compare their values would be for the user's code."""
    return attributes.keys() == before.keys() and all(attributes[name] is before[name] for name in before)


def _definer(kind: type) -> type:
    """The class that an object of type `kind` has its `__jug_hash__` from."""
    return next((each for each in kind.__mro__ if "__jug_hash__" in each.__dict__), kind)


def _code(code: Any) -> tuple[object, ...]:
    constants = tuple(_code(each) if hasattr(each, "co_code") else _as_set(each) for each in code.co_consts)
    return (code.co_code, constants, code.co_names)


def _as_set(value: object) -> object:
    """The constant with each frozenset as a set, also in tuples."""
    if type(value) is frozenset:
        return set(value)
    return tuple(map(_as_set, value)) if type(value) is tuple else value
