"""From a name to all that it reaches in the user's own modules, piece by piece."""

from __future__ import annotations

import builtins
from typing import NamedTuple

from .effects import Effects, Label
from .scopes import Imported, Reference
from .watched import Definition, Found, Piece, SourceModule, State, Watched, digest_of

__all__ = ["Following"]

#: What finds something while it runs, and what that is.
_BY_NAME = {
    "builtins.__import__": "the module that it imports",
    "builtins.eval": "what it evaluates",
    "builtins.exec": "what it executes",
    "builtins.getattr": "the attribute that it asks for",
    "builtins.globals": "what is done with them",
    "importlib.__import__": "the module that it imports",
    "importlib.import_module": "the module that it imports",
    "importlib.machinery.SourceFileLoader": "the module that it loads",
    "importlib.util.spec_from_file_location": "the module that it finds",
    "operator.attrgetter": "the attribute that it asks for",
    "operator.methodcaller": "the method that it calls",
    "pkgutil.resolve_name": "what it finds",
    "runpy.run_module": "the module that it runs",
    "runpy.run_path": "the file that it runs",
    "sys.modules": "the module that it gives",
}

#: What every module has without defining it.
_OF_EVERY_MODULE = frozenset({"__cached__", "__file__", "__path__"})


class _Outcome(NamedTuple):
    """What a name led to.

    Attributes
    ----------
    lacking : str
        The full name of what is not there; "" if there is something.
    where : str
        The file that does not define it; "" if it is a module that is not there.
    finders : frozenset of str
        Which of `_BY_NAME` it may be.
    """

    lacking: str = ""
    where: str = ""
    finders: frozenset[str] = frozenset()


class Following:
    """Follows names from piece to piece, each once.

    Parameters
    ----------
    watched : Watched
    """

    def __init__(self, watched: Watched) -> None:
        self._watched = watched
        self._pieces: dict[str, Piece] = {}
        self._unwatched: dict[str, None] = {}
        #: Names of modules that are to be looked at; of whole modules those that are to be followed first.
        self._waiting: list[tuple[str, str]] = []
        self._all_of: list[tuple[str, str]] = []
        self._visited: set[str] = set()
        self._whole: set[str] = set()
        self._referred: dict[tuple[str, Reference], _Outcome] = {}
        self._written: set[str] = set()
        #: Where it begins, what each module needs of others, and which modules are not there, for which one.
        self._begun: set[str] = set()
        self._needs: dict[str, set[str]] = {}
        self._lacks: list[tuple[str, str]] = []
        self._is_unknown = False
        self._effects = Effects(watched)
        self._affected: set[Label] = set()
        self._asks_for_derived = False
        self._is_with_effects = False

    def _follow_all(self) -> None:
        """Goes on until nothing waits."""
        for given in self._watched.given:
            self._add_effects(self._watched.find(given).module)
        self._follow_waiting()
        # What is called while modules are loaded is not called while tasks run.
        self._is_with_effects = True
        for label in list(self._affected):
            self._follow_effects(label)
        self._follow_waiting()
        for name in sorted(self._written):
            # What it is depends on what ran before.
            self._pieces.pop(name, None)
            self._unwatched[f"{_dotted(name)} is written while tasks run"] = None
        self._note_lacks()

    def _note_lacks(self) -> None:
        """Code without a module that it needs is not known; what a `try` imports may fail as a whole."""
        needed: set[str] = set()
        waiting = [*self._begun]
        while waiting:
            name = waiting.pop()
            if name not in needed:
                needed.add(name)
                waiting.extend(self._needs.get(name, ()))
        for where, name in self._lacks:
            if where in needed:
                self._unwatched[f"module {name} cannot be found"] = None
                self._is_unknown = True

    def _need(self, user: str, name: str) -> None:
        self._needs.setdefault(user, set()).add(name)

    def _follow_waiting(self) -> None:
        while self._waiting or self._all_of:
            if self._waiting:
                self._visit(*self._waiting.pop())
            else:
                self._reach(*self._all_of.pop())

    def _reach(self, module_name: str, name: str) -> None:
        """Follows a name of a module, with whatever attributes it is used."""
        module = self._watched.find(module_name).module
        assert module is not None
        self._refer(module, Reference(name, ()))

    def _note_unwatched(self, found: Found) -> None:
        if found.unwatched:
            self._unwatched[found.unwatched] = None
        self._is_unknown |= found.state is State.UNKNOWN

    def _visit(self, module_name: str, name: str) -> None:
        """Notes what stands behind a name that a module defines, and follows the names in that."""
        label = f"{module_name}:{name}"
        if label in self._visited:
            return
        self._visited.add(label)
        module = self._watched.find(module_name).module
        assert module is not None
        definition = module.definition(name)
        self._add_effects(module)
        self._follow_effects((module_name, ""))
        self._follow_effects((module_name, name))
        self._take(module, label, definition)

    def _take(self, module: SourceModule, label: str, definition: Definition) -> None:
        """Notes a piece, and follows the names in it."""
        self._pieces[label] = definition.piece
        if "__subclasses__" in definition.piece.source and not self._asks_for_derived:
            self._asks_for_derived = True
            for one in list(self._affected):
                self._follow_effects(one)
        names = definition.names
        if not self._is_with_effects:
            self._written.update(f"{module.name}:{it}" for it in names.written)
        for what in names.unfollowed:
            self._unwatched[f"{_dotted(label)} uses {what}"] = None
        # In an order that is always the same: what is said of a circle depends on where it begins.
        for used in sorted(names.used | names.perhaps_used):
            self._use(module, used, label, is_certain=used in names.used)

    def _add_effects(self, module: SourceModule | None) -> None:
        if module is not None and self._effects.add(module):
            for label in list(self._affected):
                self._follow_effects(label)

    def _follow_effects(self, label: Label) -> None:
        """Follows what else changes the value of a name."""
        self._affected.add(label)
        if not self._is_with_effects:
            return
        self._waiting.extend(self._effects.of(label))
        derived = self._effects.derived_from(label)
        if derived and (self._asks_for_derived or self._effects.has_a_say(label)):
            self._waiting.extend(derived)
        for line in self._effects.unfollowed(label):
            self._unwatched[line] = None

    def _use(self, module: SourceModule, used: Reference, label: str, *, is_certain: bool) -> None:
        """Follows a name that a piece of code uses."""
        if used.imports:
            outcome = _together([self._import(module, it, used.attributes) for it in used.imports])
        else:
            outcome = self._refer(module, used._replace(is_literal=False))
            if used.name not in module.bindings and (
                hasattr(builtins, used.name) or used.name in _OF_EVERY_MODULE
            ):
                outcome = _together([outcome, _of_library("builtins", (used.name,))])
            elif outcome.lacking and is_certain and used.name not in module.bindings:
                line = f"{_dotted(label)} uses {used.name}, which its module does not define"
                self._unwatched[line] = None
        if not used.is_literal:
            for finder in outcome.finders:
                name = finder.removeprefix("builtins.")
                self._unwatched[f"{_dotted(label)} uses {name}, and {_BY_NAME[finder]} is not followed"] = (
                    None
                )

    def _refer(self, module: SourceModule, used: Reference) -> _Outcome:
        """Follows a name of a module."""
        key = (module.name, used)
        if key not in self._referred:
            # Modules may import a name from each other: that alone defines nothing.
            is_defined = used.name in module.bindings and not module.definition(used.name).is_import
            lacking = _Outcome(f"{module.name}.{used.name}", module.path)
            self._referred[key] = _Outcome() if is_defined else lacking
            outcomes = [*self._bound(module, used), *self._from_stars(module, used)]
            self._referred[key] = _together(outcomes) if outcomes else lacking
        return self._referred[key]

    def _bound(self, module: SourceModule, used: Reference) -> list[_Outcome]:
        """Follows what statements of a module give a name: of what it imports only what is used of that."""
        if used.name not in module.bindings:
            return []
        self._waiting.append((module.name, used.name))
        outcomes = [self._import(module, it, used.attributes) for it in module.imports.get(used.name, ())]
        return outcomes if module.definition(used.name).is_import else [*outcomes, _Outcome()]

    def _from_stars(self, module: SourceModule, used: Reference) -> list[_Outcome]:
        """Follows a name through all imports with a star that bring it: any of them may be the last one."""
        bring: list[str] = []
        outcomes: list[_Outcome] = []
        libraries: list[str] = []
        for imported in module.star_imports:
            origin = module.absolute(imported)
            found = self._watched.find(origin)
            user = module.name if imported.need == "always" else ""
            self._need(user, origin)
            if found.state is State.MISSING:
                outcomes.append(self._lack(module, imported, origin))
            elif found.state in (State.LIBRARY, State.UNFOLLOWED):
                libraries.append(origin)
            else:
                outcome = self._find_in(origin, (used.name, *used.attributes), user)
                if outcome.lacking:
                    continue
                outcomes.append(outcome)
            bring.append(origin)
        is_bound = used.name in module.bindings
        if libraries and not outcomes and not is_bound:
            # Of a library it is not known what that brings.
            for origin in libraries:
                self._note_unwatched(self._watched.find(origin))
                outcomes.append(_of_library(origin, (used.name,)))
        if outcomes and not is_bound:
            # As if the name was imported from there.
            text = "\n".join([*(f"{origin} {used.name}" for origin in bring), ""])
            self._pieces[f"{module.name}:{used.name}"] = Piece(digest_of(text), "")
        return outcomes

    def _import(self, module: SourceModule, imported: Imported, attributes: tuple[str, ...]) -> _Outcome:
        """Follows what an import stands for, if that is the user's own."""
        name = module.absolute(imported)
        target = f"{name}.{imported.beneath}" if imported.beneath else name
        if self._watched.find(target).state is State.MISSING:
            return self._lack(module, imported, target)
        user = module.name if imported.need == "always" else ""
        for needed in (name, target, f"{name}.{imported.name}"):
            self._need(user, needed)
        for end in range(name.count(".")):
            # What is around a module runs before it.
            self._note_unwatched(self._watched.find(".".join(name.split(".")[: end + 1])))
        own = (imported.name,) if imported.name else ()
        outcome = self._find_in(name, (*own, *attributes), user)
        beneath = tuple(imported.beneath.split(".")) if imported.beneath else ()
        if beneath != attributes and beneath[: len(attributes)] == attributes:
            # Whatever gets the package may use what was imported with it.
            self._find_in(target, (), user)
        if not outcome.lacking:
            return outcome
        found = self._watched.find(name)
        is_package = found.state is State.PACKAGE or (found.module is not None and found.module.is_package)
        if own and is_package and outcome.lacking == f"{name}.{imported.name}":
            # It may have been a module.
            return self._lack(module, imported, outcome.lacking)
        what = f"is not defined in {outcome.where}" if outcome.where else "is a module that cannot be found"
        self._unwatched[f"{outcome.lacking} {what}"] = None
        return outcome

    def _lack(self, module: SourceModule, imported: Imported, name: str) -> _Outcome:
        """Notes that there is no module of a name; where the source allows for it, that is how it is."""
        parts = name.split(".")
        around = (self._watched.find(".".join(parts[:end])).state for end in range(1, len(parts)))
        is_own = any(it not in (State.LIBRARY, State.MISSING) for it in around)
        if imported.need == "always" or (imported.need == "sometimes" and is_own):
            self._lacks.append((module.name, name))
        return _Outcome()

    def _find_in(self, name: str, path: tuple[str, ...], user: str) -> _Outcome:
        """Follows attributes of a module, for a module that needs them; "" where they may be lacking."""
        found = self._watched.find(name)
        if found.state is State.LIBRARY:
            return _of_library(name, path)
        self._note_unwatched(found)
        if not path:
            self._take_all(name, found)
            return _Outcome()
        module, inner = found.module, f"{name}.{path[0]}"
        outcomes: list[_Outcome] = []
        if module is not None:
            outcomes.append(self._refer(module, Reference(path[0], path[1:])))
            # A name that is taken from the module of this name hides that.
            imports = module.imports.get(path[0], ())
            if any(it.name and module.absolute(it) == inner for it in imports):
                return outcomes[0]
        if self._watched.find(inner).state is not State.MISSING:
            if module is None or path[0] not in module.bindings:
                self._need(user, inner)
            outcomes.append(self._find_in(inner, path[1:], user))
        elif module is not None and "__getattr__" in module.bindings and outcomes[0].lacking:
            outcomes.append(self._refer(module, Reference("__getattr__", ())))
        if not outcomes:
            return _Outcome(inner) if found.state is State.PACKAGE else _Outcome()
        return _together(outcomes)

    def _take_all(self, name: str, found: Found) -> None:
        """Follows all of a module that goes somewhere: any of it may be used."""
        if name in self._whole:
            return
        self._whole.add(name)
        if found.module is not None:
            self._all_of.extend((name, it) for it in found.module.bindings)
            for imported in found.module.star_imports:
                self._import(found.module, imported._replace(name=""), ())
        elif found.state is State.PACKAGE:
            self._unwatched[f"package {name} is used as a whole, and modules in it are not followed"] = None


def _of_library(name: str, path: tuple[str, ...]) -> _Outcome:
    parts = [*name.split("."), *path]
    names = {".".join(parts[: end + 1]) for end in range(len(parts))}
    return _Outcome(finders=frozenset(names & _BY_NAME.keys()))


def _together(outcomes: list[_Outcome]) -> _Outcome:
    """What a name led to that may be several things: it is lacking where each of them is."""
    finders = frozenset[str]().union(*(it.finders for it in outcomes))
    there = [it for it in outcomes if not it.lacking]
    # The last one is where it was looked for last.
    return (there or outcomes)[-1]._replace(finders=finders)


def _dotted(label: str) -> str:
    return label.replace(":", ".")
