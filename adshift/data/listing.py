"""Which images a folder holds: the one place that lists them, for fits, checks, photographs of the target and predictions.

Passed over are names with a leading dot (``.ipynb_checkpoints``, ``._000.png``), ``@eaDir`` (the thumbnails of a network
drive), and what a program of adshift wrote (``adshift.data.outputs``). Links to folders are followed.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from adshift.data.outputs import PICTURES, is_output, is_written
from adshift.errors import AdshiftError

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"})
UNREAD_SUFFIXES = frozenset(
    {".gif", ".jp2", ".jfif", ".heic", ".avif", ".npy", ".raw", ".ppm", ".pgm", ".tga", ".exr", ".dcm"}
)
"""Suffixes of pictures of other kinds, which are passed over."""
Parts = tuple[str, ...]
"""The names from a folder on to what lies below it."""
SUFFIXES = ", ".join(sorted(IMAGE_SUFFIXES))
THUMBNAILS = "@eaDir"

HIDDEN, WRITTEN, OTHER, AGAIN = REASONS = ("hidden", "written_by_adshift", "of_another_kind", "seen_already")
"""Why a file or folder is passed over: its name; an output folder; no image that can be read; a folder met before."""


@dataclass(frozen=True)
class Listing:
    """Images, and what was passed over on the way to them.

    Attributes:
        images: paths, sorted.
        passed: how many files and folders, by each of ``REASONS``; a folder counts once, whatever it holds.
    """

    images: tuple[str, ...]
    passed: Mapping[str, int]

    def in_words(self) -> str:
        """``3 passed over (2 hidden, 1 written by adshift)``; empty where nothing was."""
        told = [f"{count} {reason.replace('_', ' ')}" for reason, count in self.passed.items() if count]
        return f"{sum(self.passed.values())} passed over ({', '.join(told)})" if told else ""


def is_hidden(name: str) -> bool:
    """Whether a file or folder is passed over for its name.

    >>> [name for name in (".ipynb_checkpoints", "._000.png", "@eaDir", "000.png") if is_hidden(name)]
    ['.ipynb_checkpoints', '._000.png', '@eaDir']
    """
    return name.startswith(".") or name == THUMBNAILS


def has_suffix(name: str, suffixes: frozenset[str] = IMAGE_SUFFIXES) -> bool:
    """Whether a name ends as an image's does, in whatever case."""
    return os.path.splitext(name)[1].lower() in suffixes


def visible(folder: Path) -> list[Path]:
    """What lies right in a folder and is not passed over for its name, sorted; empty where there is no such folder."""
    return sorted(entry for entry in folder.iterdir() if not is_hidden(entry.name)) if folder.is_dir() else []


def image_files(folder: Path) -> list[Path]:
    """The images right in a folder, sorted; empty where there is no such folder."""
    return [] if is_written(folder) else [p for p in visible(folder) if has_suffix(p.name) and p.is_file()]


def folders(folder: Path) -> list[Path]:
    """The folders right in a folder that may hold images, sorted; empty where there is no such folder."""
    found = [path for path in visible(folder) if path.is_dir() and not is_output(path)]
    own = any(path.name in PICTURES for path in found) and is_output(folder)
    return [path for path in found if not (own and path.name in PICTURES)]


def find_images(folder: str | os.PathLike[str]) -> Listing:
    """Every image in a folder and below it, as ``walk`` meets them.

    A link that leads nowhere is listed where it may have been an image or a folder: whoever reads it is told.

    Raises:
        AdshiftError: a folder cannot be listed.
    """
    passed = dict.fromkeys(REASONS, 0)
    found = (path for entry, _ in walk(folder, passed) for path in _image(entry, passed))
    return Listing(tuple(sorted(found)), passed)


def holds_images(folder: Path) -> bool:
    """Whether there is an image in a folder or below it."""
    passed = dict.fromkeys(REASONS, 0)
    return any(path for entry, _ in walk(folder, passed) for path in _image(entry, passed))


def walk(
    root: str | os.PathLike[str], passed: dict[str, int], enters: Callable[[Parts], bool] = lambda _: True,
    on_error: Callable[[str], None] | None = None,
) -> Iterator[tuple[os.DirEntry[str], Parts]]:  # fmt: skip
    """Everything in a folder and below it that is no folder, with its names from there on.

    No folder is entered twice, and each is entered by its own path before any link's, so that links may lead in a circle.

    Args:
        root: the folder.
        passed: counts the folders that are passed over, by each of ``REASONS``.
        enters: whether a folder, by its names from ``root`` on, is to be looked into.
        on_error: told of a folder that cannot be listed, which is then left out.

    Raises:
        AdshiftError: a folder cannot be listed, and there is no ``on_error``; one below ``root`` that has gone since it was
            met is passed over.
    """
    if is_written(Path(root)):
        passed[WRITTEN] += 1
        return
    own = PICTURES if is_output(Path(root)) else frozenset()
    seen: set[tuple[int, int]] = set()
    real: deque[tuple[str, Parts]] = deque([(os.fspath(root), ())])
    links: deque[tuple[str, Parts]] = deque()
    while real or links:
        here, above = real.popleft() if real else links.popleft()
        try:
            identity = _identity(here)
            entries = [] if identity in seen else _entries(here)
        except OSError as error:
            if above and isinstance(error, FileNotFoundError):
                continue
            why = f"{here} cannot be listed ({error.strerror}); make it readable"
            if on_error is None:
                raise AdshiftError(why) from error
            on_error(why)
            continue
        if identity in seen:
            passed[AGAIN] += 1
            continue
        seen.add(identity)
        for entry in entries:
            parts = (*above, entry.name)
            if not _is(entry.is_dir):
                yield entry, parts
            elif not enters(parts):
                continue
            elif is_hidden(entry.name):
                passed[HIDDEN] += 1
            elif (not above and entry.name in own) or is_output(Path(entry.path)):
                passed[WRITTEN] += 1
            else:
                (links if entry.is_symlink() else real).append((entry.path, parts))


def is_gone(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a link that leads nowhere."""
    return entry.is_symlink() and not os.path.exists(entry.path)


def _image(entry: os.DirEntry[str], passed: dict[str, int]) -> Iterator[str]:
    """The path of an image; what looks like one and is passed over is counted."""
    gone = is_gone(entry)
    if has_suffix(entry.name):
        if is_hidden(entry.name):
            passed[HIDDEN] += 1
        elif gone or _is(entry.is_file):
            yield entry.path
        else:
            passed[OTHER] += 1
    elif not is_hidden(entry.name):
        passed[OTHER] += has_suffix(entry.name, UNREAD_SUFFIXES)
        if gone and "." not in entry.name:
            yield entry.path


def _is(test: Callable[[], bool]) -> bool:
    """``entry.is_dir()`` or ``entry.is_file()``; False for a link that leads to itself."""
    try:
        return test()
    except OSError:
        return False


def _entries(folder: str) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as found:
        return sorted(found, key=lambda entry: entry.name)


def _identity(folder: str) -> tuple[int, int]:
    stat = os.stat(folder)
    return stat.st_dev, stat.st_ino
