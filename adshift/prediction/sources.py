"""Which images a source names."""

from __future__ import annotations

import glob
import os
from pathlib import Path

from adshift.data.samples import IMAGE_SUFFIXES
from adshift.errors import AdshiftError


def list_images(source: str) -> list[str]:
    """The paths of a file, of all images in a folder and below it, or of a glob (``**`` goes into folders); sorted.

    A folder gives the files with an image's suffix; a file or a glob gives what it names, whatever the suffix.

    Raises:
        AdshiftError: there is none, or a folder cannot be listed.
    """
    path = Path(source)
    if path.is_file():
        return [source]
    suffixes = ", ".join(sorted(IMAGE_SUFFIXES))
    if path.is_dir():
        found = _below(path)
        if not found:
            raise AdshiftError(f"source={source} holds no image ({suffixes}); name a folder that does, or a glob")
        return found
    found = sorted(name for name in glob.iglob(source, recursive=True) if os.path.isfile(name))
    if not found:
        raise AdshiftError(f"source={source} is no file, no folder and matches no file; name one of those")
    return found


def _below(folder: Path) -> list[str]:
    def refuse(error: OSError) -> None:
        raise AdshiftError(f"source={folder}: {error.filename} cannot be listed ({error.strerror}); make it readable")

    found = [
        os.path.join(base, name)
        for base, _, names in os.walk(folder, onerror=refuse)
        for name in names
        if os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES
    ]
    return sorted(found)
