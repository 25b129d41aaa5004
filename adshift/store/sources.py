"""The code that an outcome depends on: every module of the project that some modules can reach by imports."""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGE = "adshift"
WITHOUT_EFFECT = {
    "adshift.errors": "the words of a message",
    "adshift.store": "keeps what others make, under keys that say what made it",
    "adshift.system": "files, the network and the machine: where bytes come from, whose content is in the keys",
}
"""Modules, or packages with all below them, that cannot change an outcome, and why: no key holds them.

Nor does one hold ``adshift/__init__.py``, whose one function is the way in for users.
"""


def sources(*objects: object) -> tuple[str, ...]:
    """The modules that the objects' classes are defined in: roots of ``code`` that no import names; None has none."""
    return tuple(type(each).__module__ for each in objects if each is not None)


@cache
def closure(roots: tuple[str, ...]) -> tuple[str, ...]:
    """The project's modules that ``roots`` import, directly or not, in functions too, and the roots; sorted.

    Imports under ``if TYPE_CHECKING`` are none: they do not happen. Modules ``WITHOUT_EFFECT`` are left out, with what only
    they import.

    Raises:
        ModuleNotFoundError: a root, or a module that one of them imports, does not exist: a rename cannot go unnoticed.
    """
    found: set[str] = set()
    waiting = list(roots)
    while waiting:
        module = waiting.pop()
        if module in found or _without_effect(module):
            continue
        if _file(module) is None:
            raise ModuleNotFoundError(f"{module} stands in a key of the store and does not exist", name=module)
        found.add(module)
        waiting += _imports(module)
    return tuple(sorted(found))


@cache
def code_version(roots: tuple[str, ...]) -> str:
    """SHA-256 over the names and the bytes of all modules of ``closure``: any edit of one is another version."""
    digest = hashlib.sha256()
    for module in closure(roots):
        file = _file(module)
        assert file is not None
        digest.update(module.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def _without_effect(module: str) -> bool:
    below = (module == name or module.startswith(f"{name}.") for name in WITHOUT_EFFECT)
    return module == PACKAGE or any(below)


@cache
def _file(module: str) -> Path | None:
    """The source of a module, found without importing anything; None where there is no such module."""
    package, _, name = module.rpartition(".")
    folders = [Path(folder) for folder in sys.path] if not package else _folders(package)
    files = (folder / place for folder in folders for place in (f"{name}/__init__.py", f"{name}.py"))
    return next((file for file in files if file.is_file()), None)


def _folders(package: str) -> list[Path]:
    """Where the modules of a package lie; none for what is no package."""
    loaded = sys.modules.get(package)
    if loaded is not None:
        return [Path(folder) for folder in getattr(loaded, "__path__", ())]
    file = _file(package)
    return [file.parent] if file is not None and file.name == "__init__.py" else []


@cache
def _imports(module: str) -> tuple[str, ...]:
    """The project's modules that a module imports, with the packages that hold them."""
    file = _file(module)
    assert file is not None
    names = dict.fromkeys(_imported(ast.parse(file.read_bytes())))
    packages = (
        ".".join(name.split(".")[:depth]) for name in (module, *names) for depth in range(1, name.count(".") + 1)
    )
    return tuple(dict.fromkeys((*names, *packages)))


def _imported(node: ast.AST) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            yield from (name for other in child.orelse for name in _imported(other))
        elif isinstance(child, ast.Import):
            yield from (each.name for each in child.names if _own(each.name))
        elif isinstance(child, ast.ImportFrom) and child.level == 0 and _own(child.module or ""):
            yield str(child.module)
            names = (f"{child.module}.{each.name}" for each in child.names)
            yield from (name for name in names if _file(name) is not None)
        else:
            yield from _imported(child)


def _own(module: str) -> bool:
    return module == PACKAGE or module.startswith(f"{PACKAGE}.")
