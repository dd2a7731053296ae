"""Map and reduce over sequences, a few elements to a task."""

from __future__ import annotations

import builtins
import operator
from collections.abc import Callable, Iterator, Sequence
from functools import reduce as _fold
from typing import Any

from . import task_results
from .hash import hash_one
from .task import Task, TaskletMixin, value
from .utils import identity

__all__ = ["currymap", "map", "mapreduce", "reduce"]

#: Attributes for `jug.legacy.keys`, set while `jug adopt` loads a jugfile: of a function, the generator that
#: it came in; of a task, the arguments as they were given.
MAPPED_BY, GIVEN = "_jug_mapped_by", "_jug_given"


def _get_function(f: Any) -> Any:
    """The plain function of a TaskGenerator; anything else unchanged."""
    return f.f if getattr(f, "_jug_is_task_generator", False) else f


def _mapper(f: Any) -> Any:
    """The same, for `map`. In jug 2.x the function has the hash of its generator ever after."""
    function = _get_function(f)
    if function is not f and task_results.before_lookup is not None and hasattr(function, "__dict__"):
        function.__dict__[MAPPED_BY] = f
    return function


def _reduction(f: Callable[..., Any], functions: tuple[Any, ...], chunk: Any) -> Task:
    """A task of `mapreduce`. In jug 2.x it is another one if it was given generators."""
    t = Task(f, *builtins.map(_get_function, functions), chunk)
    if task_results.before_lookup is not None:
        t.__dict__[GIVEN] = (*functions, chunk)
    return t


def _jug_map(mapper: Callable[..., Any], es: Sequence[Any]) -> list[Any]:
    return [mapper(e) for e in es]


def _jug_map_curry(mapper: Callable[..., Any], es: Sequence[Sequence[Any]]) -> list[Any]:
    return [mapper(*e) for e in es]


def _jug_reduce(reducer: Callable[..., Any], inputs: Sequence[Any]) -> Any:
    return _fold(_get_function(reducer), inputs)


def _jug_map_reduce(
    reducer: Callable[..., Any], mapper: Callable[..., Any] | None, inputs: Sequence[Any]
) -> Any:
    mapped = inputs if mapper is None else builtins.map(_get_function(mapper), inputs)
    return _fold(_get_function(reducer), mapped)


def _break_up(lst: Any, step: int) -> Iterator[Any]:
    """Yields `lst` in slices of `step` elements; the last one may be shorter."""
    if step < 1:
        raise ValueError(f"a step must be at least 1, not {step}")
    for start in range(0, len(lst), step):
        yield lst[start : start + step]


def mapreduce(
    reducer: Callable[..., Any],
    mapper: Callable[..., Any] | None,
    inputs: Any,
    map_step: int = 4,
    reduce_step: int = 8,
) -> Task:
    """The task that computes ``functools.reduce(reducer, map(mapper, inputs))``.

    Parameters
    ----------
    reducer : callable or TaskGenerator
        An associative function of two arguments.
    mapper : callable, TaskGenerator or None
        A function of one argument; None leaves the elements as they are.
    inputs : sequence
        The elements; it must have a length and slices.
    map_step : int, default 4
        Elements mapped and reduced by each task of the first level.
    reduce_step : int, default 8
        Partial results joined by each task of the next levels, at least 2.

    Returns
    -------
    Task
        Its value is that of the whole; for empty inputs it is an empty list.

    Raises
    ------
    ValueError
        If a step is too small.
    """
    if len(inputs) == 0:
        return identity([])  # type: ignore[return-value]  # of a list it makes a task
    if reduce_step < 2:
        raise ValueError(f"reduce_step must be at least 2, not {reduce_step}")
    level = [_reduction(_jug_map_reduce, (reducer, mapper), chunk) for chunk in _break_up(inputs, map_step)]
    while len(level) > 1:
        level = [_reduction(_jug_reduce, (reducer,), chunk) for chunk in _break_up(level, reduce_step)]
    return level[0]


def reduce(reducer: Callable[..., Any], inputs: Any, reduce_step: int = 8) -> Task:
    """The task that computes ``functools.reduce(reducer, inputs)``, see :func:`mapreduce`.

    Parameters
    ----------
    reducer : callable or TaskGenerator
        An associative function of two arguments.
    inputs : sequence
        The elements; it must have a length and slices.
    reduce_step : int, default 8
        Partial results joined by each task after the first level, at least 2. A task of the first level takes
        4
        elements.

    Returns
    -------
    Task
        Its value is that of the whole; for empty inputs it is an empty list.

    Raises
    ------
    ValueError
        If `reduce_step` is too small.
    """
    return mapreduce(reducer, None, inputs, reduce_step=reduce_step)


def map(mapper: Callable[..., Any], sequence: Any, map_step: int = 4) -> Any:
    """Applies a function to every element, several elements to a task.

    Parameters
    ----------
    mapper : callable or TaskGenerator
        A function of one argument.
    sequence : sequence
        The elements; it must have a length and slices.
    map_step : int, default 4
        Elements to a task.

    Returns
    -------
    block_access, or list of Task if map_step is 1
        Something that has a length, can be indexed and sliced, and whose value is the list of results.

    Raises
    ------
    ValueError
        If `map_step` is less than 1.
    """
    mapper = _mapper(mapper)
    if map_step == 1:
        return [Task(mapper, element) for element in sequence]
    blocks = [Task(_jug_map, mapper, chunk) for chunk in _break_up(sequence, map_step)]
    return block_access(blocks, map_step, len(sequence))


def currymap(mapper: Callable[..., Any], sequence: Any, map_step: int = 4) -> list[Any]:
    """Applies a function to the arguments in every element, several elements to a task.

    Parameters
    ----------
    mapper : callable or TaskGenerator
        Called as ``mapper(*element)``.
    sequence : sequence of sequence
        The elements; it must have a length and slices.
    map_step : int, default 4
        Elements to a task.

    Returns
    -------
    list of Task or Tasklet
        One for each element.

    Raises
    ------
    ValueError
        If `map_step` is less than 1.
    """
    mapper = _mapper(mapper)
    if map_step == 1:
        return [Task(mapper, *element) for element in sequence]
    results: list[Any] = []
    for chunk in _break_up(sequence, map_step):
        block = Task(_jug_map_curry, mapper, chunk)
        results.extend(block[i] for i in range(len(chunk)))
    return results


class block_access(TaskletMixin):
    """The results of `map`: a sequence that is stored in blocks, one task each.

    Parameters
    ----------
    blocks : list of Task
        Each returns a list of `block_size` elements; the last one may be shorter.
    block_size : int
        Elements in a block.
    len : int
        Elements in all.
    """

    __slots__ = ("block_size", "blocks", "len")

    def __init__(self, blocks: list[Task], block_size: int, len: int) -> None:
        self.blocks = blocks
        self.block_size = block_size
        self.len = len

    def __getitem__(self, p: Any) -> Any:
        if isinstance(p, slice):
            return block_access_slice(self, p)
        block, offset = divmod(_position(p, self.len), self.block_size)
        return self.blocks[block][offset]

    def __len__(self) -> int:
        return self.len

    def can_load(self) -> bool:
        """Whether every block has a result.

        Returns
        -------
        bool
            Whether the whole can be loaded.
        """
        return all(block.can_load() for block in self.blocks)

    def __jug_value__(self) -> list[Any]:
        return [element for block in value(self.blocks) for element in block]

    def __jug_dependencies__(self) -> list[Task]:
        return list(self.blocks)

    def __jug_hash__(self) -> bytes:
        return hash_one(("jug.mapreduce.block_access", self.blocks, self.block_size, self.len))


class block_access_slice(TaskletMixin):
    """A slice of the results of `map`; it needs only the blocks that it touches.

    Parameters
    ----------
    access : block_access
        The whole.
    orig : slice, range, or tuple of int (start, stop, stride)
        Which elements: as asked for, or as positions already.
    """

    __slots__ = ("base", "start", "stop", "stride")

    def __init__(self, access: block_access, orig: slice | range | tuple[int, int, int]) -> None:
        if isinstance(orig, tuple):
            orig = range(*orig)
        positions = orig if isinstance(orig, range) else range(access.len)[orig]
        self.base = access
        self.start = positions.start
        self.stop = positions.stop
        self.stride = positions.step

    def _positions(self) -> range:
        return range(self.start, self.stop, self.stride)

    def _blocks(self) -> dict[int, Task]:
        size = self.base.block_size
        return {p // size: self.base.blocks[p // size] for p in self._positions()}

    def __getitem__(self, p: Any) -> Any:
        if isinstance(p, slice):
            return block_access_slice(self.base, self._positions()[p])
        return self.base[self._positions()[_position(p, len(self))]]

    def __len__(self) -> int:
        return len(self._positions())

    def can_load(self) -> bool:
        """Whether every block that the slice touches has a result.

        Returns
        -------
        bool
            Whether the slice can be loaded.
        """
        return all(block.can_load() for block in self._blocks().values())

    def __jug_value__(self) -> list[Any]:
        blocks = {number: value(block) for number, block in self._blocks().items()}
        size = self.base.block_size
        return [blocks[p // size][p % size] for p in self._positions()]

    def __jug_dependencies__(self) -> list[Task]:
        return list(self._blocks().values())

    def __jug_hash__(self) -> bytes:
        return hash_one(
            ("jug.mapreduce.block_access_slice", self.base.__jug_hash__(), self.start, self.stop, self.stride)
        )


def _position(p: Any, length: int) -> int:
    """`p` as an index from the front; IndexError where it lies outside, TypeError where it is no index."""
    index = operator.index(p)
    if not -length <= index < length:
        raise IndexError(f"index {index} is out of range for {length} elements")
    return index % length
