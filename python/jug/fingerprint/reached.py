"""From a function to its fingerprint: all that it reaches in the user's own modules, piece by piece."""

from __future__ import annotations

import types
from typing import Any, NamedTuple

from .following import Following
from .held import held_by
from .watched import Piece, SourceModule, State, Watched, digest_of

__all__ = ["Fingerprint", "fingerprint"]


class Fingerprint(NamedTuple):
    """The code behind the results of a function.

    Attributes
    ----------
    pieces : dict of str to Piece
        By ``module:name``, sorted.
    unwatched : list of str
        What it reaches and could not be followed, a line each.
    """

    pieces: dict[str, Piece]
    unwatched: list[str]

    @property
    def digest(self) -> str:
        """16 hexadecimal digits; "" if there is no code of the user's."""
        if not self.pieces:
            return ""
        return digest_of("\n".join(f"{name} {piece.digest}" for name, piece in self.pieces.items()))


def fingerprint(function: Any, watched: Watched, *, holds_values: bool = True) -> Fingerprint:
    """The fingerprint of a function, method or class, or of another callable object.

    Parameters
    ----------
    function : callable
    watched : Watched
    holds_values : bool, optional
        Whether what it captured counts. Default: True.

    Returns
    -------
    Fingerprint
        Without pieces for a function of a library, and where a source was changed since it was imported.
    """
    return _Walk(watched).run(function, holds_values)


class _Walk(Following):
    """Follows names from where an object is defined."""

    def run(self, function: Any, holds_values: bool) -> Fingerprint:
        if holds_values:
            self._begin(function)
        else:
            self._begin_at(function)
        self._follow_all()
        # Rather nothing than what is said of another source than the one that runs.
        pieces = {} if self._is_unknown else dict(sorted(self._pieces.items()))
        return Fingerprint(pieces, sorted(self._unwatched))

    def _begin(self, function: Any) -> None:
        """Notes where a callable object is defined, and what it holds."""
        held = held_by(function, lambda name: self._watched.find(name).module)
        for one in held.defined:
            self._begin_at(one)
        for line in held.unwatched:
            self._unwatched[line] = None
        for where, values in held.values.items():
            self._pieces[f"captured:{where}"] = Piece(digest_of(values), "")

    def _begin_at(self, one: Any) -> None:
        module, name = getattr(one, "__module__", None), getattr(one, "__qualname__", "")
        if isinstance(one, types.ModuleType):
            self._take_all(one.__name__, self._watched.find(one.__name__))
            return
        if not isinstance(module, str):
            return
        found = self._watched.find(module)
        self._note_unwatched(found)
        if found.state is State.MISSING:
            self._unwatched[f"module {module} cannot be found"] = None
        if found.module is not None:
            top = name.partition(".")[0]
            self._begun.add(module)
            if top in found.module.bindings:
                self._all_of.append((module, top))
            elif not (isinstance(one, types.FunctionType) and self._take_lambdas(one, found.module)):
                self._unwatched[f"the source of {module}.{name} is not in {found.module.path}"] = None

    def _take_lambdas(self, function: types.FunctionType, module: SourceModule) -> bool:
        """Follows the lambdas that begin in the line where a function does; whether there are any.

        Which of several it is, is not looked for: what one more of them uses may count, too.
        """
        if function.__name__ != "<lambda>":
            return False
        lambdas = module.lambdas(function.__code__.co_firstlineno)
        if lambdas:
            self._add_effects(module)
            self._follow_effects((module.name, ""))
        for definition in lambdas:
            self._take(module, f"{module.name}:<lambda> {definition.piece.digest}", definition)
        return bool(lambdas)
