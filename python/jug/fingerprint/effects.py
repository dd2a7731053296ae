"""What modules do, while they are loaded, to names that stand elsewhere."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator

from .scopes import Imported, Reference
from .statements import IMPORTS, Part
from .watched import SourceModule, State, Watched, named_by

__all__ = ["Effects", "Label"]

#: A module and a name in it, or an effect of it.
Label = tuple[str, str]

#: By which a class has a say in what is derived from it.
_DERIVING = ("__init_subclass__", "__subclasses__", "metaclass")

#: What may give any name of a module another value.
_UNKNOWN = frozenset({"eval", "exec", "globals", "locals", "vars"})


class Effects:
    """Which statements of modules change what a name of a module stands for, but those that assign it there.

    Parameters
    ----------
    watched : Watched
    """

    def __init__(self, watched: Watched) -> None:
        self._watched = watched
        self._modules: set[str] = set()
        self._of: defaultdict[Label, set[Label]] = defaultdict(set)
        self._derived: defaultdict[Label, set[Label]] = defaultdict(set)
        self._calls: defaultdict[Label, set[str]] = defaultdict(set)
        self._written_by: dict[Label, set[Label]] = {}

    def add(self, module: SourceModule) -> bool:
        """Has the effects of a module count, too; whether that is new."""
        if module.name in self._modules:
            return False
        self._modules.add(module.name)
        for part in module.parts:
            if not isinstance(part.node, IMPORTS):
                self._add(module, part)
        return True

    def of(self, label: Label) -> set[Label]:
        """What changes the value of a name, and is to be followed with it."""
        return self._of.get(label, set())

    def derived_from(self, label: Label) -> set[Label]:
        """The classes that are derived from one."""
        return self._derived.get(label, set())

    def unfollowed(self, label: Label) -> set[str]:
        """What a module calls of a library while it is loaded, by its name there; "" for what changes any."""
        return self._calls.get(label, set())

    def has_a_say(self, label: Label) -> bool:
        """Whether a class, or one of its bases, can find what is derived from it."""
        waiting, known = [label], {label}
        while waiting:
            name, one = waiting.pop()
            module = self._watched.find(name).module
            if module is None or one not in module.bindings:
                continue
            if any(word in module.definition(one).piece.source for word in _DERIVING):
                return True
            for part in module.bindings[one]:
                bases = self._bases(module, part)
                waiting.extend(bases - known)
                known |= bases
        return False

    def _add(self, module: SourceModule, part: Part) -> None:
        if not (part.bound or part.changed or part.called):
            return
        effects = {(module.name, name) for name in part.bound or {named_by(part)}}
        targets: set[Label] = set()
        for changed in part.changed:
            targets |= self._target(module, part, changed, None)
        for function, changed in part.passed:
            if not module.is_of_jug(function.name) and not self._makes_tasks(module, function):
                targets |= self._target(module, part, changed, function)
        for called in part.called:
            if not module.is_of_jug(called.name):
                for label in self._labels(module, called):
                    targets |= self._written(label)
        for name in {it.name for it in (*part.called, *part.changed)} & _UNKNOWN:
            self._calls[module.name, ""].add(f"{module.name} calls {name}() while it is loaded")
        for base in self._bases(module, part):
            self._derived[base].add((module.name, part.inner.name))  # type: ignore[attr-defined]
        for target in targets:
            self._of[target] |= effects - {target}

    def _target(
        self, module: SourceModule, part: Part, changed: Reference, called: Reference | None
    ) -> set[Label]:
        """What a statement changes that is imported; of its own names the module knows that."""
        if changed.name in module.own:
            is_known = called is None or called.name not in module.imports
            return set() if is_known or changed.name in module.constants else {(module.name, changed.name)}
        targets = set(self._labels(module, changed))
        if changed.name not in module.imports:
            return targets
        label = (module.name, changed.name)
        if called is not None and part.bound:
            # The call is part of what stands behind that name, as a decorator is.
            return targets
        if targets or called is None or self._is_own(module, changed.name):
            return {*targets, label}
        self._calls[label].add(f"{module.name} calls {called.dotted}() while it is loaded")
        return set()

    def _makes_tasks(self, module: SourceModule, function: Reference) -> bool:
        """Whether a function that is imported makes tasks."""
        if function.name not in module.imports:
            return False
        for name, one in self._labels(module, function):
            found = self._watched.find(name).module
            if found is not None and one in found.tasks:
                return True
        return False

    def _is_own(self, module: SourceModule, name: str) -> bool:
        for imported in module.imports[name]:
            origin = module.absolute(imported)
            if self._is_users(origin):
                return True
            if imported.name and self._is_users(f"{origin}.{imported.name}"):
                return True
        return False

    def _is_users(self, name: str) -> bool:
        return self._watched.find(name).state not in (State.LIBRARY, State.MISSING)

    def _bases(self, module: SourceModule, part: Part) -> set[Label]:
        if not isinstance(part.inner, ast.ClassDef):
            return set()
        bases: set[Label] = set()
        for base in (*part.inner.bases, *(it.value for it in part.inner.keywords)):
            for called in part.called:
                if isinstance(base, (ast.Name, ast.Attribute)) and ast.unparse(base) == called.dotted:
                    bases.update(self._labels(module, called))
        return bases

    def _written(self, label: Label) -> set[Label]:
        """The names of modules that a function changes, or what it reaches."""
        known = self._written_by.get(label)
        if known is None:
            known = self._written_by[label] = set()
            waiting, reached = [label], {label}
            while waiting:
                one = waiting.pop()
                module = self._watched.find(one[0]).module
                assert module is not None
                if one[1] in module.tasks:
                    continue
                names = module.definition(one[1]).names
                known.update((module.name, name) for name in names.written)
                known.update(self._all(module, names.touched))
                used = self._all(module, names.used | names.perhaps_used)
                waiting.extend(used - reached)
                reached |= used
        return known

    def _all(self, module: SourceModule, references: set[Reference]) -> set[Label]:
        return {label for it in references for label in self._labels(module, it)}

    # --- what references stand for ---

    def _labels(self, module: SourceModule, used: Reference) -> Iterator[Label]:
        """Where that is defined in the user's modules."""
        yield from self._find(module, used, set())

    def _find(
        self, module: SourceModule, used: Reference, known: set[tuple[str, Reference]]
    ) -> Iterator[Label]:
        if (module.name, used) in known:
            return
        known.add((module.name, used))
        if used.imports:
            for imported in used.imports:
                yield from self._find_imported(module, imported, used.attributes, known)
        elif used.name in module.bindings:
            if used.name in module.imports:
                for imported in module.imports[used.name]:
                    yield from self._find_imported(module, imported, used.attributes, known)
            if not module.is_imported(used.name):
                yield module.name, used.name
        else:
            for imported in module.star_imports:
                yield from self._find_imported(module, imported, (used.name, *used.attributes), known)

    def _find_imported(
        self,
        module: SourceModule,
        imported: Imported,
        attributes: tuple[str, ...],
        known: set[tuple[str, Reference]],
    ) -> Iterator[Label]:
        name = module.absolute(imported)
        path = ((imported.name,) if imported.name and imported.name != "*" else ()) + attributes
        while path:
            found = self._watched.find(name).module
            # `from . import core` in a package binds the name to the module: it is not to be found in itself.
            is_itself = name == module.name and path[0] == imported.name
            if found is not None and path[0] in found.bindings and not is_itself:
                break
            if not self._is_users(f"{name}.{path[0]}"):
                break
            name, path = f"{name}.{path[0]}", path[1:]
        found = self._watched.find(name).module
        if found is not None and path:
            yield from self._find(found, Reference(path[0], path[1:]), known)
