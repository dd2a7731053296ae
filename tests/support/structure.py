"""Which file of the package uses which, in Python and in Rust, and how long its functions are.

``python -m tests.support.structure [DIRECTORY]`` prints functions' lengths, long files, circles among files,
and arrows against the tables of `tests.support.architecture`.
"""

from __future__ import annotations

import ast
import re
import statistics
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from . import architecture

__all__ = ["circles", "python_functions", "python_imports", "rust_functions", "rust_imports"]

#: A file with more lines hides a noun.
LONG_FILE = 400
#: A function with more lines does more than one thing.
LONG_FUNCTION = 60

#: For each file, named as its directory names it, the files that it uses.
Imports = Mapping[str, frozenset[str]]


class Function(NamedTuple):
    """A function, with the lines of its signature, documentation and body."""

    file: str
    name: str
    lines: int


# --- Python ---


def python_imports(package: Path) -> Imports:
    """For each module of a package, as ``engine/task_graph``, the modules of the package that it imports.

    A stub stands for its extension module. Imports inside functions and for type checkers count. A package
    that imports from its own modules passes names on (``from .select import select``): what imports those
    from it uses the module itself. What imports from a module a name that this one has from another one,
    also under another name (``Store = base_store``), uses both.
    """
    sources = sorted([*package.rglob("*.py"), *package.rglob("*.pyi")])
    files = {_module_name(path, package): path for path in sources}
    trees = {name: ast.parse(path.read_text()) for name, path in files.items()}
    passed_on = {
        name: _names_passed_on(name, trees[name], files) for name in files if _is_package(files[name])
    }
    taken = {
        name: {} if name in passed_on else _names_from_others(name, trees[name], files, package.name)
        for name in files
    }
    graph = {}
    for name, tree in trees.items():
        used = set()
        for module, what in _imported(name, tree, files, package.name):
            target, item = _through_packages(module, what, passed_on, files)
            if target != name and not (
                name in passed_on and passed_on[name].get(item or "") == (target, item)
            ):
                used.add(target)
                used.update(_origins(target, item, passed_on, taken, files) - {name})
        graph[name] = frozenset(used)
    return graph


def _is_package(path: Path) -> bool:
    return path.name == "__init__.py"


def _module_name(path: Path, package: Path) -> str:
    relative = path.relative_to(package)
    return (relative.parent if _is_package(path) else relative.with_suffix("")).as_posix()


def _join(*parts: str) -> str:
    return "/".join(part for part in parts if part not in ("", ".")) or "."


def _imported(
    name: str, tree: ast.Module, files: Mapping[str, Path], top: str
) -> Iterator[tuple[str, str | None]]:
    """Each import of a module of the package, with the name that is taken from it."""
    here = name if _is_package(files[name]) else _join(*name.split("/")[:-1])
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                first, *rest = alias.name.split(".")
                if first == top and _join(*rest) in files:
                    yield _join(*rest), None
        elif isinstance(node, ast.ImportFrom):
            path = (node.module or "").split(".") if node.module else []
            if node.level:
                up = [part for part in here.split("/") if part != "."]
                base = _join(*up[: len(up) - (node.level - 1)], *path)
            elif path and path[0] == top:
                base = _join(*path[1:])
            else:
                continue
            for alias in node.names:
                inner = _join(base, alias.name)
                if inner in files:
                    yield inner, None
                elif base in files:
                    yield base, alias.name


def _names_passed_on(name: str, tree: ast.Module, files: Mapping[str, Path]) -> dict[str, tuple[str, str]]:
    """What a package takes from its own modules, at its top level, under the same name."""
    passed_on = {}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.level == 1 and node.module:
            module = _join(name, *node.module.split("."))
            if module in files:
                passed_on.update({it.asname or it.name: (module, it.name) for it in node.names})
    return passed_on


def _names_from_others(
    name: str, tree: ast.Module, files: Mapping[str, Path], top: str
) -> dict[str, tuple[str, str]]:
    """What a module has at its top level from other modules, for type checkers too, by its name there."""
    body = [
        statement for node in tree.body for statement in (node.body if isinstance(node, ast.If) else [node])
    ]
    found: dict[str, tuple[str, str]] = {}
    for node in body:
        if isinstance(node, ast.ImportFrom):
            single = ast.Module([node], [])
            for alias, (module, item) in zip(node.names, _imported(name, single, files, top), strict=False):
                if item is not None:
                    found[alias.asname or alias.name] = (module, item)
        elif isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Name):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                if isinstance(target, ast.Name) and node.value.id in found:
                    found[target.id] = found[node.value.id]
    return found


def _origins(
    module: str,
    item: str | None,
    passed_on: Mapping[str, Mapping[str, tuple[str, str]]],
    taken: Mapping[str, Mapping[str, tuple[str, str]]],
    files: Mapping[str, Path],
) -> set[str]:
    """The modules from which a module has a name that is taken from it, directly or not."""
    found: set[str] = set()
    while item is not None and item in taken[module]:
        module, item = _through_packages(*taken[module][item], passed_on, files)
        found.add(module)
    return found


def _through_packages(
    module: str,
    item: str | None,
    passed_on: Mapping[str, Mapping[str, tuple[str, str]]],
    files: Mapping[str, Path],
) -> tuple[str, str | None]:
    while item is not None and item in passed_on.get(module, {}):
        module, item = passed_on[module][item]
    return module, item


def python_functions(package: Path) -> Iterator[Function]:
    """Every function and method of a package."""
    for path in sorted(package.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                yield Function(path.relative_to(package).as_posix(), node.name, lines)


# --- Rust ---

_HIDDEN = re.compile(
    r"""//[^\n]*|/\*.*?\*/|b?r(\#*)".*?"\1|b?"(?:\\.|[^"\\])*"|b?'(?:\\(?:u\{[^}]*\}|x..|.)|[^'\\])'""",
    re.DOTALL,
)
_USE = re.compile(r"\b(?P<visibility>pub(?:\([^)]*\))?\s+)?use\s+(?P<tree>[^;]+);")
_PATH = re.compile(r"(?<!pub\(in )\b(?:crate|super)(?:::\w+)+")
_FUNCTION = re.compile(r"\bfn\s+(\w+)")


def _visible(source: str) -> str:
    """Source code without comments and literals, line for line."""
    return _HIDDEN.sub(lambda hidden: "\n" * hidden.group().count("\n") or " ", source)


def rust_imports(crate: Path) -> Imports:
    """For each file of a crate, as ``store/read``, the files of the crate whose items it uses.

    Who names an item where it is passed on (``pub use``) uses the file that it is from. A module does not use
    items of its own modules that it passes on.
    """
    files = {_rust_module(path, crate): path for path in sorted(crate.rglob("*.rs"))}
    sources = {name: _visible(path.read_text()) for name, path in files.items()}
    passed_on: dict[str, dict[str, list[str]]] = {name: {} for name in files}
    used: dict[str, list[list[str]]] = {name: [] for name in files}
    for name, source in sources.items():
        for use in _USE.finditer(source):
            for path, alias in _paths_of_use(use["tree"]):
                full = _absolute(name, path, files)
                if full is None:
                    continue
                if use["visibility"]:
                    passed_on[name][alias] = full
                if not (use["visibility"] and _is_below(_owner(full, files), name)):
                    used[name].append(full)
        for match in _PATH.finditer(_USE.sub(" ", source)):
            full = _absolute(name, match.group().split("::"), files)
            if full is not None:
                used[name].append(full)
    return {
        name: frozenset({_defining(path, passed_on, files) for path in paths} - {name})
        for name, paths in used.items()
    }


def _rust_module(path: Path, crate: Path) -> str:
    relative = path.relative_to(crate)
    if path.name == "lib.rs":
        return "."
    return (relative.parent if path.name == "mod.rs" else relative.with_suffix("")).as_posix()


def _paths_of_use(tree: str) -> Iterator[tuple[list[str], str]]:
    """The paths of a ``use``, each with the name that it gets."""
    tree = " ".join(tree.split())
    brace = tree.find("{")
    if brace < 0:
        path, _, alias = tree.partition(" as ")
        parts = [part.strip() for part in path.split("::")]
        if parts[-1] == "self":
            parts.pop()
        yield parts, alias.strip() or "".join(parts[-1:])
        return
    prefix = [part.strip() for part in tree[:brace].split("::") if part.strip()]
    depth, start = 0, brace + 1
    for at in range(brace, len(tree)):
        depth += {"{": 1, "}": -1}.get(tree[at], 0)
        if (tree[at] == "," and depth == 1) or depth == 0:
            if tree[start:at].strip():
                for parts, alias in _paths_of_use(tree[start:at].strip()):
                    yield prefix + parts, (alias or prefix[-1])
            start = at + 1
            if depth == 0:
                return


def _absolute(name: str, path: list[str], files: Mapping[str, Path]) -> list[str] | None:
    """A path from the root of the crate; None if it is of another crate."""
    here = [] if name == "." else name.split("/")
    first, rest = path[0], path[1:]
    if first == "crate":
        return rest
    if first == "self":
        return here + rest
    if first == "super":
        here = here[:-1]
        while rest and rest[0] == "super":
            here, rest = here[:-1], rest[1:]
        return here + rest
    return here + path if _join(*here, first) in files else None


def _is_below(file: str, folder: str) -> bool:
    return folder == "." or file.startswith(folder + "/")


def _owner(path: list[str], files: Mapping[str, Path]) -> str:
    """The file of the innermost module on a path."""
    for length in range(len(path), 0, -1):
        if _join(*path[:length]) in files:
            return _join(*path[:length])
    return "."


def _defining(
    path: list[str], passed_on: Mapping[str, Mapping[str, list[str]]], files: Mapping[str, Path]
) -> str:
    owner = _owner(path, files)
    while True:
        depth = 0 if owner == "." else len(owner.split("/"))
        item = path[depth] if depth < len(path) else ""
        if item not in passed_on[owner]:
            return owner
        path = passed_on[owner][item]
        owner = _owner(path, files)


def rust_functions(crate: Path) -> Iterator[Function]:
    """Every function of a crate that has a body."""
    for path in sorted(crate.rglob("*.rs")):
        source = _visible(path.read_text())
        for match in _FUNCTION.finditer(source):
            end = _end_of_body(source, match.end())
            if end:
                lines = source.count("\n", match.start(), end) + 1
                yield Function(path.relative_to(crate).as_posix(), match[1], lines)


def _end_of_body(source: str, start: int) -> int | None:
    depth, brackets = 0, 0
    for at in range(start, len(source)):
        match source[at]:
            case "{":
                depth += 1
            case "}":
                depth -= 1
                if depth == 0:
                    return at + 1
            case "(" | "[":
                brackets += 1
            case ")" | "]":
                brackets -= 1
            case ";" if depth == 0 and brackets == 0:
                return None
    return None


# --- both ---


def circles(imports: Imports) -> list[list[str]]:
    """The groups of files that use one another, directly or not.

    These are the strongly connected components of more than one file (Tarjan, 1972).
    """
    numbers: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    on_stack: set[str] = set()
    found = []
    for root in imports:
        if root in numbers:
            continue
        work = [(root, iter(sorted(imports[root])))]
        numbers[root] = low[root] = len(numbers)
        stack.append(root)
        on_stack.add(root)
        while work:
            file, uses = work[-1]
            for used in uses:
                if used not in numbers:
                    numbers[used] = low[used] = len(numbers)
                    stack.append(used)
                    on_stack.add(used)
                    work.append((used, iter(sorted(imports[used]))))
                    break
                if used in on_stack:
                    low[file] = min(low[file], numbers[used])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[file])
                if low[file] == numbers[file]:
                    at = stack.index(file)
                    group = stack[at:]
                    del stack[at:]
                    on_stack.difference_update(group)
                    if len(group) > 1:
                        found.append(sorted(group))
    return found


def report(root: Path) -> Iterator[str]:
    """What ``python -m tests.support.structure`` prints of the source tree `root`."""
    package, crate = root / "python" / "jug", root / "src"
    yield from _report_of(
        "Python", package, "*.py", python_functions(package), python_imports(package), architecture.PYTHON
    )
    yield from _report_of(
        "Rust", crate, "*.rs", rust_functions(crate), rust_imports(crate), architecture.RUST
    )


def _report_of(
    half: str,
    folder: Path,
    pattern: str,
    functions: Iterable[Function],
    imports: Imports,
    table: architecture.Table,
) -> Iterator[str]:
    functions = list(functions)
    lengths = sorted(function.lines for function in functions)
    long = [function for function in functions if function.lines > LONG_FUNCTION]
    sizes = {
        path.relative_to(folder).as_posix(): len(path.read_text().splitlines())
        for path in folder.rglob(pattern)
    }
    long_files = {name: size for name, size in sorted(sizes.items()) if size > LONG_FILE}
    groups = circles(imports)
    against = architecture.against(table, imports)
    yield f"{half}: {len(sizes)} files, {len(functions)} functions"
    yield (
        f"  functions: median {statistics.median(lengths):g} lines, p90 {lengths[len(lengths) * 9 // 10]}, "
        f"over {LONG_FUNCTION}: {100 * len(long) / len(functions):.1f} %"
    )
    for function in long:
        yield f"    {function.file} {function.name}: {function.lines}"
    yield f"  files over {LONG_FILE} lines: {len(long_files)}"
    for name, size in long_files.items():
        yield f"    {name}: {size}"
    yield f"  circles: {len(groups)}"
    for group in groups:
        yield f"    {', '.join(group)}"
    yield f"  arrows against the table: {len(against)}"
    for user, used, rule in against:
        yield f"    {user} -> {used}: {rule}"


if __name__ == "__main__":
    print("\n".join(report(Path(sys.argv[1] if len(sys.argv) > 1 else "."))))
