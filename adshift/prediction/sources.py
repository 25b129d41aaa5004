"""Which images a source names."""

from __future__ import annotations

import fnmatch
import glob
import os
from pathlib import Path

from adshift.data.listing import REASONS, SUFFIXES, Listing, Parts, find_images, is_gone, walk
from adshift.data.outputs import is_written
from adshift.errors import AdshiftError


def list_images(source: str) -> Listing:
    """A file, all images in a folder and below it, or what a glob matches (``**`` goes into folders); sorted.

    A folder gives the files with an image's suffix; a file or a glob gives what it names, whatever the suffix. Nothing that
    a program of adshift wrote is ever among them.

    Raises:
        AdshiftError: there is none, or a folder cannot be listed.
    """
    path = Path(source)
    if path.is_file() and is_written(path.parent):
        raise AdshiftError(f"source={source} was written by a program of adshift; name a photograph")
    if path.is_file():
        return Listing((source,), dict.fromkeys(REASONS, 0))
    is_folder = path.is_dir()
    found = find_images(source) if is_folder else _matched(source)
    if found.images:
        return found
    passed = f" ({found.in_words()})" if found.in_words() else ""
    if is_folder:
        raise AdshiftError(f"source={source} holds no image ({SUFFIXES}){passed}; name a folder that does, or a glob")
    raise AdshiftError(f"source={source} is no file, no folder and matches no file{passed}; name one of those")


def _matched(pattern: str) -> Listing:
    """The files that a glob matches; folders below those that it names are met as those of a folder."""
    passed = dict.fromkeys(REASONS, 0)
    parts = Path(pattern).parts
    plain = next((i for i, part in enumerate(parts) if glob.has_magic(part)), len(parts))
    start, signs = Path(*parts[:plain]), parts[plain:]
    if not signs or not start.is_dir():
        return Listing((), passed)
    met = walk(start, passed, lambda names: _leads(names, signs))
    files = [e.path for e, names in met if _fits(names, signs) and (os.path.isfile(e.path) or is_gone(e))]
    return Listing(tuple(sorted(files if start.parts else (name.removeprefix(f".{os.sep}") for name in files))), passed)


def _leads(names: Parts, signs: Parts) -> bool:
    """Whether something below a folder may match."""
    if not names or not signs or signs[0] == "**":
        return bool(signs)
    return _named(names[0], signs[0]) and _leads(names[1:], signs[1:])


def _fits(names: Parts, signs: Parts) -> bool:
    """Whether a path matches as a whole: ``**`` stands for any number of names."""
    if not signs:
        return not names
    if signs == ("**",):
        return _named(names[-1], "*")
    if signs[0] == "**":
        return any(_fits(names[i:], signs[1:]) for i in range(len(names)))
    return bool(names) and _named(names[0], signs[0]) and _fits(names[1:], signs[1:])


def _named(name: str, sign: str) -> bool:
    """Whether a name matches a part of a glob; a leading dot must be written."""
    return fnmatch.fnmatchcase(name, sign) and (sign.startswith(".") or not name.startswith("."))
