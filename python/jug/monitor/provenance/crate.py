"""How results came about as the metadata of an RO-Crate, by the package rocrate."""

from __future__ import annotations

import datetime
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import UserError
from ...jug_version import __version__
from ..explain.origin import process_of
from .model import FileUse, Input, Provenance, Step
from .text import checkout_text

if TYPE_CHECKING:
    from ...internal.types import ResultFacts

__all__ = ["Crate", "need_rocrate"]

#: The version of the specification. Later ones know no more of what is said here.
_VERSION = "1.1"

#: A reference to an entity.
_Reference = dict[str, str]


def need_rocrate() -> None:
    """UserError if the package rocrate is not there."""
    try:
        import rocrate.rocrate  # noqa: F401
    except ImportError:
        raise UserError('jug export needs the package rocrate: pip install "jug-rs[provenance]"') from None


class Crate:
    """The entities of a crate: each has what is known, and nothing in the place of what is not.

    Parameters
    ----------
    known : Provenance
    folder : str
        Where the crate is written to.
    """

    def __init__(self, known: Provenance, folder: str) -> None:
        from rocrate.rocrate import ROCrate

        self._known = known
        self._folder = Path(folder)
        self._crate = ROCrate(version=_VERSION)
        self._steps = {step.key: step for step in known.steps}
        #: The entities of results that are files.
        self._results: dict[bytes, _Reference] = {}
        self._files: dict[str, _Reference] = {}
        self._added: set[str] = set()

    def add_file(self, path: str, **said: Any) -> _Reference:
        """A file that was written at this path below the folder."""
        size = str((self._folder / path).stat().st_size)
        entity = self._crate.add_file(
            str(self._folder / path), path, properties=_known_of({**said, "contentSize": size})
        )
        return {"@id": entity.id}

    def add_used(self, file: FileUse, copy: str | None) -> _Reference:
        """A file that tasks use: by its path, or where it was copied to below the folder."""
        digest = f"blake2b-256:{file.digest}"
        said = {"name": Path(file.path).name, "identifier": digest}
        if copy is not None:
            if copy not in self._files:
                self._files[copy] = self.add_file(copy, **said)
            return self._files[copy]
        place = Path(file.path).as_uri()
        if place not in self._files:
            entity = self._crate.add_file(place, properties=_known_of(said))
            self._files[place] = {"@id": entity.id}
        return self._files[place]

    def set_result(self, key: bytes, file: _Reference) -> None:
        """Says which file has the result of a task."""
        self._results[key] = file

    def write(self, copies: Mapping[FileUse, str]) -> None:
        """Adds what is known of all tasks, and writes the metadata.

        Parameters
        ----------
        copies : mapping of FileUse to str
            Where files that tasks use were copied to.
        """
        steps = self._known.steps
        asked = [step for step in steps if step.is_asked]
        names = ", ".join(dict.fromkeys(step.name for step in asked))
        root = self._crate.root_dataset
        root["name"] = _plain(f"Results of {names}")
        count = "the task that made it" if len(steps) == 1 else f"the {len(steps)} tasks that made it"
        root["description"] = _plain(f"What was computed by {self._known.jugfile}, with {count}")
        root["datePublished"] = _published(asked)
        root["mentions"] = [self._action(step, copies) for step in steps]
        root["isBasedOn"] = self._jugfile()
        self._crate.metadata["sdPublisher"] = self._jug()
        self._crate.write(self._folder)

    # --- a task ---

    def _action(self, step: Step, copies: Mapping[FileUse, str]) -> _Reference:
        facts = step.facts
        objects = [it for used in step.inputs for it in self._objects(used, copies)]
        objects += [self._result(key) for key in step.inner]
        return self._add(
            f"#task-{step.key.hex()}",
            "CreateAction",
            name=f"{step.name}({step.call})",
            identifier=step.key.hex(),
            description=None if facts is None else _description(facts),
            instrument=[*self._code(step), *self._environment(step.libraries)],
            object=_unique(objects),
            result=self._result(step.key) if step.has_result else None,
            startTime=_time(facts["started"]) if facts is not None and facts["started"] else None,
            endTime=_end_of(facts),
            agent=self._worker(facts),
            location=process_of(facts["worker"])[0] if facts is not None else None,
            actionStatus="http://schema.org/CompletedActionStatus" if step.has_result else None,
        )

    def _objects(self, used: Input, copies: Mapping[FileUse, str]) -> Iterable[_Reference]:
        """An argument, and the results and files in it."""
        yield from (self._result(key) for key in used.tasks)
        yield from (self.add_used(file, copies.get(file)) for file in used.files)
        if not used.is_whole:
            place = re.sub(r"\W+", "-", used.name).strip("-")
            yield self._add(
                f"#{place}-{used.digest.hex()}",
                "PropertyValue",
                name=used.name,
                value=used.value,
                additionalType=used.type,
                identifier=used.digest.hex(),
            )

    def _result(self, key: bytes) -> _Reference:
        """The result of a task: a file, if it is one that was asked for."""
        file = self._results.get(key)
        if file is not None:
            return file
        hexadecimal = key.hex()
        return self._add(
            f"#result-{hexadecimal}",
            "PropertyValue",
            name=f"result of {self._steps[key].name}",
            identifier=hexadecimal,
        )

    def _worker(self, facts: ResultFacts | None) -> _Reference | None:
        if facts is None or not facts["worker"]:
            return None
        host, process = process_of(facts["worker"])
        name = f"process {process} on {host}" if host else facts["worker"]
        return self._add(
            f"#worker-{_in_id(facts['worker'])}", "SoftwareApplication", name=f"jug worker, {name}"
        )

    # --- with what it was made ---

    def _code(self, step: Step) -> Iterable[_Reference]:
        if step.code is None:
            return
        code = self._known.codes[step.code]
        # A fingerprint is of one function; a version is what the user calls it.
        place = code.text if code.pieces else f"{step.name}-{code.text}"
        parts = [
            self._add(
                f"#source-{_in_id(piece.name)}-{piece.digest}",
                "SoftwareSourceCode",
                name=piece.name,
                identifier=piece.digest,
                programmingLanguage="Python",
                text=piece.source,
            )
            for piece in code.pieces
        ]
        yield self._add(
            f"#code-{_in_id(place)}",
            "SoftwareSourceCode",
            name=f"code of {step.name}",
            version=code.text,
            programmingLanguage="Python",
            hasPart=parts,
        )

    def _environment(self, libraries: Mapping[str, str]) -> Iterable[_Reference]:
        if not libraries:
            return
        text = ", ".join(f"{name} {version}" for name, version in sorted(libraries.items()))
        parts = [self._software(*each) for each in sorted(libraries.items())]
        digest = hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:16]
        yield self._add(
            f"#environment-{digest}", "SoftwareApplication", name=text, softwareRequirements=parts
        )

    def _software(self, name: str, version: str) -> _Reference:
        return self._add(
            f"#software-{_in_id(name)}-{_in_id(version)}",
            "SoftwareApplication",
            name=name,
            softwareVersion=version,
        )

    def _jugfile(self) -> _Reference:
        checkout = self._known.checkout
        return self._add(
            "#jugfile",
            "SoftwareSourceCode",
            name=Path(self._known.jugfile).name,
            programmingLanguage="Python",
            version=None if checkout is None or not checkout.has_jugfile else checkout.commit,
            description=checkout_text(self._known),
        )

    def _jug(self) -> _Reference:
        return self._software("jug-rs", __version__)

    def _add(self, id_: str, type_: str, **said: Any) -> _Reference:
        """Adds an entity, unless it is there, and refers to it."""
        from rocrate.model import ContextEntity

        if id_ not in self._added:
            self._added.add(id_)
            self._crate.add(ContextEntity(self._crate, id_, {"@type": type_, **_known_of(said)}))
        return {"@id": id_}


def _known_of(said: Mapping[str, Any]) -> dict[str, Any]:
    """What is known, as texts that can be written."""
    known = {name: value for name, value in said.items() if value not in (None, "", [])}
    return {name: _plain(value) if isinstance(value, str) else value for name, value in known.items()}


def _plain(text: str) -> str:
    """A text of which no part is a byte that is no text, as in the names of some files."""
    return text.encode("utf-8", "backslashreplace").decode()


def _in_id(text: str) -> str:
    return re.sub(r"[^\w.+-]+", "-", text, flags=re.ASCII)


def _unique(references: Iterable[_Reference]) -> Sequence[_Reference]:
    return list({it["@id"]: it for it in references}.values())


def _description(facts: ResultFacts) -> str:
    attempt = f", in attempt {facts['attempt']}" if facts["attempt"] > 1 else ""
    return f"took {facts['duration']:.6f} s{attempt}"


def _published(asked: Iterable[Step]) -> str:
    """When the last of the results was made, so that the same crate is the same on each day; else now."""
    ends = [end for step in asked if (end := _end_of(step.facts)) is not None]
    return max(ends) if ends else _time(datetime.datetime.now(datetime.UTC).timestamp())


def _end_of(facts: ResultFacts | None) -> str | None:
    if facts is None or not facts["started"]:
        return None
    return _time(facts["started"] + facts["duration"])


def _time(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat(timespec="microseconds")
