"""How calls go to the workers of a pool: functions by name where workers find them, else by value."""

from __future__ import annotations

import contextlib
import functools
import importlib
import io
import marshal
import sys
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import _native
from ..errors import UserError
from ..internal import file_uses
from ..internal.tracebacks import message_of
from ..task import Task, TaskGenerator
from .chunk import Chunk, SentCall
from .sources import digest_of, is_users_source

if TYPE_CHECKING:
    from ..internal.types import ProcessIdentity
    from .base import Call
    from .sources import WorkerReport

__all__ = ["PackedCall", "Transport", "chunk_of", "found", "generated_function", "resolved"]

_PROTOCOL = 5

_MAIN = "__main__"

#: From how many bytes on a function is large.
_LARGE_FUNCTION = 1 << 16


def generated_function(module: str, name: str) -> Any:
    """The function whose place a task generator has taken in its module."""
    return found(importlib.import_module(module), name).f


def found(module: Any, name: str) -> Any:
    """What a module has under a name with dots; None if there is nothing."""
    for part in name.split("."):
        module = getattr(module, part, None)
    return module


class PackedCall(NamedTuple):
    """A call, ready to be sent."""

    function: bytes
    #: Pickled: positional arguments and keywords.
    arguments: bytes
    #: The results that stay where they are, in the order in which the arguments name them.
    inputs: Sequence[bytes] = ()


def chunk_of(
    number: int,
    origin: ProcessIdentity,
    calls: Sequence[PackedCall],
    resident: Mapping[bytes, Any],
    shared: Callable[[bytes], Any],
    notes: str,
) -> tuple[Chunk, Sequence[Any]]:
    """A chunk of calls, and the inputs that go with it, each once.

    Parameters
    ----------
    number : int
    origin : dict
        The coordinator.
    calls : sequence of PackedCall
    resident : mapping
        What stands for results that stay in the pool, by key.
    shared : callable
        Gives the path of a file with these bytes that workers can read, or an input with them, or None. A
        function that refers to much data does not go with each chunk then.
    notes : str
        See :class:`Chunk`.
    """
    functions: dict[bytes, int] = {}
    as_sent: list[bytes | str | int] = []
    places: dict[bytes, int] = {}
    inputs: list[Any] = []
    sent = []
    for call in calls:
        if call.function not in functions:
            functions[call.function] = len(as_sent)
            where = shared(call.function) if len(call.function) > _LARGE_FUNCTION else None
            if where is None:
                as_sent.append(call.function)
            elif isinstance(where, str):
                as_sent.append(where)
            else:
                as_sent.append(len(inputs))
                inputs.append(where)
        for key in call.inputs:
            if key not in places:
                places[key] = len(inputs)
                inputs.append(resident[key])
        sent.append(SentCall(functions[call.function], call.arguments, [places[key] for key in call.inputs]))
    return Chunk(number, origin, as_sent, [tuple(it) for it in sent], notes), inputs  # type: ignore[misc]


class Transport:
    """Pickles calls.

    Parameters
    ----------
    ask : callable
        Takes names of modules, and has a worker say which of them it cannot import; it may raise a UserError.
    advice : str
        What is to be done where a worker lacks a package.
    is_remote : bool
        Whether workers may have run before, or elsewhere: modules of the user's go by name only where all of
        them have loaded what is here.
    """

    def __init__(
        self, ask: Callable[[Sequence[str]], WorkerReport], advice: str, *, is_remote: bool = False
    ) -> None:
        try:
            import cloudpickle
        except ImportError:
            raise UserError(
                "functions of a jugfile are sent to other processes with the package cloudpickle, which is "
                "not there: pip install cloudpickle (or this package with its extra 'processes')"
            ) from None
        self._cloudpickle = cloudpickle
        self._pickler = _pickler_class()
        self._ask = ask
        self._advice = advice
        self._is_remote = is_remote
        #: The functions that were pickled, by id, with each itself, so that no other one gets its id.
        self._functions: dict[int, tuple[Any, bytes]] = {}
        #: The modules that were looked at, and those whose functions go by value.
        self._known: set[str] = set()
        self._by_value: dict[str, types.ModuleType] = {}

    def close(self) -> None:
        """Lets modules go by name again, for whatever else uses cloudpickle in this process."""
        for module in self._by_value.values():
            # Another transport of this process may have had it registered, too, and be closed.
            with contextlib.suppress(ValueError):
                self._cloudpickle.unregister_pickle_by_value(module)
        self._by_value.clear()
        self._known.clear()
        self._functions.clear()

    def prepare(self, functions: Iterable[Callable[..., Any]]) -> None:
        """Finds out how the modules of these functions go.

        Raises
        ------
        UserError
            If a worker cannot import one of them, and it cannot go by value: it is an installed package.
        """
        functions = list(functions)
        wanted = set(map(id, functions))
        self._functions = {at: known for at, known in self._functions.items() if at in wanted}
        direct = {str(getattr(_innermost(f), "__module__", None) or _MAIN) for f in functions}
        used = _users_modules(direct)
        names = {it for it in {*direct, *used}.union(*used.values()) if it in sys.modules} - self._known
        if not names and self._known:
            return
        own = {name for name in names if _is_without_name(name)}
        asked = sorted(name for name in names - own - {_MAIN} if not _is_everywhere(name))
        # The first time in any case: that they can begin at all is better said before they have anything.
        report = self._ask(asked) if asked or not self._known else None
        self._known |= names
        reasons = {} if report is None else report.reasons
        by_value = {*own, *self._by_value, *(name for name in reasons if name in used)}
        if report is not None and self._is_remote:
            by_value |= {it for it in asked if it in used and not _is_same(sys.modules[it], report)}
            # What goes by name uses what is there.
            while more := {it for it in used if it not in by_value and not by_value.isdisjoint(used[it])}:
                by_value |= more
        needed = direct.union(*(used[name] for name in by_value | {_MAIN} if name in used))
        for name in sorted(needed.intersection(reasons)):
            if report is not None and not is_users_source(sys.modules[name]):
                raise UserError(
                    f"a worker ({report.places.get(name, report.place)}) cannot import the module {name}, "
                    f"which tasks need ({reasons[name]}): {self._advice}"
                )
        for name in by_value - set(self._by_value) - {_MAIN}:
            self._by_value[name] = sys.modules[name]
            self._cloudpickle.register_pickle_by_value(sys.modules[name])

    def pack(self, call: Call, resident: Mapping[bytes, object]) -> PackedCall:
        """A call with its inputs loaded, but for those that are `resident` where it will run, by key.

        Raises
        ------
        Exception
            What loading an input raised; a TypeError if the call cannot be pickled.
        """
        known = self._functions.get(id(call.f))
        if known is None:
            try:
                known = (call.f, self._dumped(call.f))
            except Exception as error:
                raise TypeError(
                    f"the function of task {call.name} cannot be sent to a worker: {message_of(error)}"
                ) from error
            self._functions[id(call.f)] = known
        inputs: dict[bytes, int] = {}
        args, kwargs = _arguments(call, resident, inputs)
        try:
            arguments = self._dumped((args, kwargs or {}))
        except Exception as error:
            raise TypeError(
                f"an argument of task {call.name} cannot be sent to a worker: {message_of(error)}"
            ) from error
        return PackedCall(known[1], arguments, tuple(inputs))

    def _dumped(self, thing: Any) -> bytes:
        file = io.BytesIO()
        self._pickler(file, _PROTOCOL).dump(thing)
        return file.getvalue()


def live_call(call: Call) -> tuple[Callable[..., Any], Sequence[Any], Mapping[str, Any]]:
    """A call as it goes to a thread of this process."""
    # What is loaded here is used there.
    with file_uses.watching() as uses:
        args, kwargs = resolved(call)
    if not uses.files:
        return call.f, args, kwargs
    return functools.partial(file_uses.call_using, list(uses.files.values()), call.f), args, kwargs


def resolved(call: Call) -> tuple[Sequence[Any], Mapping[str, Any]]:
    """The arguments of a call, with results in the place of tasks where it is a task itself."""
    if not isinstance(call, Task):
        return call.args, call.kwargs
    _check(call)
    args, kwargs = _native.resolve_args(call)
    return args, kwargs or {}


def _check(t: Task) -> None:
    """RuntimeError if an argument is not what it was when its task was made; FileChanged if a file is not."""
    file_uses.use_files_of(t)
    if t._check_takes() is not None:
        t._check_before()


class _Resident(NamedTuple):
    """Stands in arguments for a result that is not loaded here; `number` is its place among the inputs."""

    number: int


def _arguments(
    call: Call, resident: Mapping[bytes, object], inputs: dict[bytes, int]
) -> tuple[Sequence[Any], Mapping[str, Any] | None]:
    if not (resident and isinstance(call, Task)):
        return resolved(call)
    if not any(it.key() in resident for it in call.direct_dependencies()):
        return resolved(call)
    _check(call)

    def placed(value: Any) -> Any:
        if isinstance(value, Task) and value.key() in resident:
            return _Resident(inputs.setdefault(value.key(), len(inputs)))
        return None

    def partly_resolved(value: Any) -> Any:
        if type(value) in (list, tuple):
            # Only what stands here itself stays where it is: results are seldom nested deeper.
            return type(value)(placed(it) or _native.resolve(it) for it in value)
        return placed(value) or _native.resolve(value)

    args, kwargs = call._given_arguments()
    named = {name: partly_resolved(it) for name, it in (kwargs or {}).items()}
    return [partly_resolved(it) for it in args], named


def _innermost(f: Any) -> Any:
    """What a partial, a generator, or a wrapper that keeps it as `func`, calls in the end."""
    seen = set()
    while id(f) not in seen:
        seen.add(id(f))
        if isinstance(f, TaskGenerator):
            f = f.f
        elif isinstance(f, functools.partial):
            f = f.func
        elif not isinstance(f, (types.FunctionType, type)):
            # Only what is kept there: some objects make an attribute of any name that is asked for.
            f = _attributes(f).get("func", f)
    return f


def _attributes(thing: Any) -> Mapping[str, Any]:
    try:
        attributes: Mapping[str, Any] = object.__getattribute__(thing, "__dict__")
    except AttributeError:
        return {}
    return attributes


def _is_without_name(name: str) -> bool:
    """Whether a module was put among the others by hand, as jugfiles are: nobody can import it."""
    return getattr(sys.modules[name], "__spec__", None) is None and name != _MAIN


def _is_everywhere(name: str) -> bool:
    top = name.partition(".")[0]
    return top in sys.stdlib_module_names or top == "jug"


def _users_modules(names: Iterable[str]) -> dict[str, set[str]]:
    """The user's among these modules and those that they use, each with the modules that it uses."""
    found: dict[str, set[str]] = {}
    left = [*names]
    while left:
        name = left.pop()
        module = sys.modules.get(name)
        if module is None or name in found or _is_everywhere(name):
            continue
        if name == _MAIN or _is_without_name(name) or is_users_source(module):
            # What has no module is not for that of the main program.
            found[name] = _modules_used(module) - {name, _MAIN}
            left += found[name]
    return found


def _is_same(module: types.ModuleType, report: WorkerReport) -> bool:
    """Whether workers have loaded what is in the file of a module here."""
    there = report.sources.get(module.__name__)
    return bool(there) and there == digest_of(module)


def _modules_used(module: types.ModuleType) -> set[str]:
    """The modules to which the names of a module lead."""
    used = set()
    for value in vars(module).values():
        if isinstance(value, types.ModuleType):
            used.add(value.__name__)
        else:
            thing = _innermost(value)
            has_own = isinstance(thing, (types.FunctionType, types.BuiltinFunctionType, type))
            of = getattr(thing if has_own else type(thing), "__module__", None)
            used.add(of if isinstance(of, str) else _MAIN)
    return used


def _pickler_class() -> Any:
    import cloudpickle

    class ByValue(cloudpickle.Pickler):  # type: ignore[misc]  # what is known of it depends on whether it is there
        """cloudpickle's, for functions under task generators and inputs that stay where they are."""

        def persistent_id(self, thing: Any) -> Any:
            return thing.number if type(thing) is _Resident else None

        def reducer_override(self, thing: Any) -> Any:
            if isinstance(thing, types.CodeType):
                # Workers run the same Python. cloudpickle's own way forgets where code was written.
                return marshal.loads, (marshal.dumps(thing),)
            if isinstance(thing, TaskGenerator):
                return type(thing), (thing.f,)
            if isinstance(thing, types.FunctionType):
                module, name = thing.__module__, thing.__qualname__
                by_name = module in sys.modules and not _is_without_name(module) and module != _MAIN
                if by_name and module not in cloudpickle.list_registry_pickle_by_value():
                    there = found(sys.modules[module], name)
                    if isinstance(there, TaskGenerator) and there.f is thing:
                        return generated_function, (module, name)
            return super().reducer_override(thing)

    return ByValue
