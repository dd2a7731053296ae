"""Compares what two installations of jug offer, name by name.

`listing` runs introspect.py with an interpreter; `differences` yields what is in the first listing and absent
or different in the second. What only the second has is no difference: it is there in addition.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

INTROSPECT = Path(__file__).parent / "introspect.py"

#: Modules that are no interface: helper programs, and what a command needs behind its name.
INTERNAL = ("jug.tests", "jug.backends.file_keepalive_monitor")


class Difference(NamedTuple):
    """One name, and what is the matter with it."""

    name: str
    #: "absent", or what differs: "signature", "bases", "kind", "value".
    what: str
    theirs: str
    ours: str

    def __str__(self) -> str:
        return f"{self.name} {self.what}" + (f": {self.theirs} -> {self.ours}" if self.ours else "")


def listing(python: Path) -> dict[str, Any]:
    """The modules and names of the jug that belongs to an interpreter."""
    done = subprocess.run([python, INTROSPECT], capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def differences(theirs: dict[str, Any], ours: dict[str, Any]) -> Iterator[Difference]:
    """What the first listing has and the second has not, or in another form."""
    for module, names in theirs.items():
        if module.startswith(INTERNAL):
            continue
        if module not in ours:
            yield Difference(module, "absent", "module", "")
            continue
        for name, known in names.items():
            path = f"{module}.{name}"
            if is_passed_on(known, module, theirs) or path.startswith(INTERNAL):
                continue
            if name not in ours[module] and path not in ours:
                yield Difference(path, "absent", known["kind"], "")
            elif name in ours[module]:
                yield from compare(path, known, ours[module][name])


def names_of(listed: dict[str, Any]) -> Iterator[str]:
    """The full names of a listing that are an interface: without what a module only imports."""
    for module, names in listed.items():
        if not module.startswith(INTERNAL):
            for name, known in names.items():
                if not is_passed_on(known, module, listed):
                    yield f"{module}.{name}"


def is_passed_on(known: dict[str, Any], module: str, listed: dict[str, Any]) -> bool:
    """Whether a name is there only because its module imports it. A package passes things on on purpose."""
    is_package = any(other.startswith(f"{module}.") for other in listed)
    return not is_package and known.get("home", module) != module


def compare(path: str, theirs: dict[str, Any], ours: dict[str, Any]) -> Iterator[Difference]:
    """The differences of one name, and of the members of a class."""
    if theirs["kind"] != ours["kind"]:
        yield Difference(path, "kind", theirs["kind"], ours["kind"])
        return
    for what in ("signature", "bases", "type", "value"):
        if theirs.get(what) != ours.get(what):
            yield Difference(path, what, str(theirs.get(what)), str(ours.get(what)))
    for name, member in theirs.get("members", {}).items():
        if name in ours["members"]:
            yield from compare(f"{path}.{name}", member, ours["members"][name])
        else:
            yield Difference(f"{path}.{name}", "absent", member["kind"], "")
    if "class" in theirs:
        yield from compare(path, theirs["class"], ours["class"])
