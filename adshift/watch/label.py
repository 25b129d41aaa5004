"""Tell a watch what its parts were: ``python -m adshift.watch.label DB IMAGE good|bad`` or ``... DB FOLDER``.

DB is the watch.sqlite in the output folder of a watch. FOLDER holds folders ``good`` and ``bad`` with images in and below
them. An image is known by its bytes, so a copy under another name counts. Good ones join the next calibration, never the
one that judged them. Exit status: 0, or 2 where this watch has judged none of them.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from adshift.data.listing import find_images
from adshift.errors import AdshiftError
from adshift.system.exit_status import status_of
from adshift.system.hashes import file_sha256
from adshift.system.terminal import say, tell
from adshift.watch.book import Book
from adshift.watch.database import usable

GOOD, BAD = VERDICTS = ("good", "bad")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m adshift.watch.label", description=__doc__)
    parser.add_argument("db", type=Path, metavar="DB", help="the watch.sqlite in the output folder of a watch")
    parser.add_argument("what", type=Path, metavar="IMAGE|FOLDER", help="one image, or a folder with good/ and bad/")
    parser.add_argument("verdict", nargs="?", choices=VERDICTS, help="what the image is; a folder's names tell it")
    return status_of(lambda: _label(parser.parse_args(arguments)))


def _label(chosen: argparse.Namespace) -> None:
    with usable(chosen.db), closing(Book(chosen.db)) as book:
        known, unknown = _known(book, _by_content(_given(chosen.what, chosen.verdict)))
        if not known:
            raise AdshiftError(
                f"{chosen.what} is nothing that this watch has judged; label the files that it saw, or copies of them"
            )
        with book.transaction():
            for sha256, (path, verdict) in known.items():
                book.label(sha256, str(path.absolute()), verdict == GOOD, time.time())
    counts = [sum(verdict == which for _, verdict in known.values()) for which in VERDICTS]
    say(f"{counts[0]} good and {counts[1]} bad labelled")
    if unknown:
        tell(
            f"adshift: this watch has never judged {len(unknown)} of the images, the first {unknown[0]}: they have no label"
        )


def _given(what: Path, verdict: str | None) -> list[tuple[Path, str]]:
    """The images and what they are called."""
    if not what.is_dir():
        if not what.is_file():
            raise AdshiftError(f"{what} does not exist; name an image, or a folder with good/ and bad/")
        if verdict is None:
            raise AdshiftError(f"{what} has no verdict; write good or bad behind it")
        return [(what, verdict)]
    if verdict is not None:
        raise AdshiftError(f"{what} is a folder, whose good/ and bad/ tell the verdict; leave {verdict} out")
    folders = [what / name for name in VERDICTS if (what / name).is_dir()]
    if not folders:
        raise AdshiftError(f"{what} holds no folder good and none bad; put the images into {what / GOOD}, {what / BAD}")
    return [(Path(path), folder.name) for folder in folders for path in find_images(folder).images]


def _by_content(given: Sequence[tuple[Path, str]]) -> dict[str, tuple[Path, str]]:
    """SHA-256 -> a file of these bytes and what it is called."""
    found: dict[str, tuple[Path, str]] = {}
    for path, verdict in given:
        first, said = found.setdefault(file_sha256(path), (path, verdict))
        if said != verdict:
            raise AdshiftError(
                f"{first} and {path} are the same image, called {said} and {verdict}; remove one of them"
            )
    return found


def _known(book: Book, found: dict[str, tuple[Path, str]]) -> tuple[dict[str, tuple[Path, str]], list[Path]]:
    """Those that this watch gave a score, and the files of the others."""
    judged = {
        s for s in found if any(book.query("SELECT 1 FROM parts WHERE sha256 = ? AND score IS NOT NULL LIMIT 1", (s,)))
    }
    return {s: what for s, what in found.items() if s in judged}, [
        path for s, (path, _) in found.items() if s not in judged
    ]


if __name__ == "__main__":
    sys.exit(main())
