"""MVTec AD: fetched once from its official archive, checked, unpacked."""

from __future__ import annotations

import lzma
import os
import shutil
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from adshift.errors import AdshiftError
from adshift.system.download import download, one_at_a_time
from adshift.system.terminal import say
from adshift.system.writing import RefusedError, writing

CATEGORIES = (
    "bottle", "cable", "capsule", "carpet", "grid", "hazelnut", "leather", "metal_nut",
    "pill", "screw", "tile", "toothbrush", "transistor", "wood", "zipper",
)  # fmt: skip

ARCHIVE_URL = (
    "https://www.mydrive.ch/shares/150996/b52ecdcbf521176e9db9c731f2304b27/download/420938113-1629960298/"
    "mvtec_anomaly_detection.tar.xz"
)
ARCHIVE_SHA256 = "cf4313b13603bec67abb49ca959488f7eedce2a9f7795ec54446c649ac98cd3d"
MAX_UNPACKED_BYTES = 16 << 30  # the official archive holds 5 GB
MAX_MEMBERS = 100_000
HEADER_BYTES = 1024 * MAX_MEMBERS
MAX_READ_BYTES = 1 << 26  # tarfile reads files in small pieces; one large read is a header that claims to be large
LICENCE = (
    "MVTec AD is licensed CC BY-NC-SA 4.0 (https://creativecommons.org/licenses/by-nc-sa/4.0/): no commercial use. "
    "Cite Bergmann et al., IJCV 2021 and CVPR 2019."
)


def ensure(root: Path, categories: Sequence[str], *, url: str = ARCHIVE_URL, sha256: str = ARCHIVE_SHA256) -> None:
    """Download and unpack MVTec AD into ``root`` where that folder is missing or empty; else leave it as it is.

    Args:
        root: becomes the folder that holds the category folders.
        categories: those that are wanted; checked before anything is fetched.
        url, sha256: the archive.

    Raises:
        AdshiftError: an unknown category, no network, a wrong checksum or an archive that holds something else.
    """
    unknown = sorted(set(categories) - set(CATEGORIES))
    if _filled(root):
        return
    if unknown:
        raise AdshiftError(
            f"category={unknown[0]} is not in MVTec AD ({', '.join(CATEGORIES)}); for your own images use data=folder"
        )
    with one_at_a_time(root.parent):  # cells that a launcher starts together want it together
        if not _filled(root):
            say(LICENCE)
            _fetch(root, categories, url, sha256)


def _filled(root: Path) -> bool:
    return root.is_dir() and any(root.iterdir())


def _fetch(root: Path, categories: Sequence[str], url: str, sha256: str) -> None:
    """Download the archive beside ``root`` (a part that broke off stays there), unpack it, put it in place."""
    archive = root.parent / f".{root.name}.tar.xz"
    remedy = (
        f"fetch {url} elsewhere and unpack it so that {root}/carpet/train/good/000.png exists (layout: "
        "ROOT/CATEGORY/train/good, test/DEFECT, ground_truth/DEFECT), or give data.root=FOLDER, or use "
        "data=synthetic, which needs no download"
    )
    try:
        if not archive.is_file():  # else a whole one whose unpacking was cut short
            download(url, archive, sha256=sha256, remedy=remedy)
        for stale in root.parent.glob(f".{root.name}.unpacking.*"):
            shutil.rmtree(stale)
        with tempfile.TemporaryDirectory(dir=root.parent, prefix=f".{root.name}.unpacking.") as scratch:
            unpacked = Path(scratch) / "unpacked"
            unpack(archive, unpacked)
            archive.unlink()
            missing = sorted(set(categories) - {p.name for p in unpacked.iterdir() if p.is_dir()})
            if missing:
                raise AdshiftError(f"the archive {url} holds no folder {missing[0]}; {remedy}")
            _install(unpacked, root)
    finally:
        archive.unlink(missing_ok=True)


def unpack(archive: Path, target: Path, limit: int = MAX_UNPACKED_BYTES) -> None:
    """Extract a tar.xz archive of files and folders below ``target``.

    Absolute paths lose their root; ``..``, links of either kind, devices and pipes are refused, as is more than ``limit``
    bytes or ``MAX_MEMBERS`` members: a member's size is believed before it is written, and the stream is cut at the limit
    whatever it says.

    Raises:
        AdshiftError: the archive is broken or holds what is refused.
    """
    target.mkdir(parents=True)
    written = 0
    try:
        with lzma.open(archive) as stream, _tar(_Bounded(stream, limit)) as tar:
            for count, member in enumerate(tqdm(tar, desc="unpack", unit="file"), start=1):
                written += member.size
                if not (member.isreg() or member.isdir()):
                    raise tarfile.TarError(f"{member.name!r} is neither a file nor a folder")
                if written > limit or count > MAX_MEMBERS:
                    raise tarfile.TarError(f"it holds more than {limit} bytes or {MAX_MEMBERS} files")
                with writing(target):
                    tar.extract(member.replace(mode=None, deep=False), target, filter="data")  # type: ignore[arg-type]
    except RefusedError:
        raise
    except (tarfile.TarError, lzma.LZMAError, EOFError, OSError) as error:
        reason = str(error).splitlines()[0].rstrip(":") if str(error) else type(error).__name__
        raise AdshiftError(f"archive {archive.name} cannot be unpacked ({reason}); fetch it again") from error


def _tar(stream: Any) -> tarfile.TarFile:
    return tarfile.open(fileobj=stream, mode="r:")


class _Bounded:
    """A decompressing stream that ends in an error at a limit: headers too may claim any size."""

    def __init__(self, stream: lzma.LZMAFile, limit: int) -> None:
        self._stream = stream
        self._limit = limit + HEADER_BYTES

    def read(self, size: int) -> bytes:
        """As of a file; a read that would cross the limit is refused before it is tried."""
        if not 0 <= size <= MAX_READ_BYTES or self._stream.tell() + size > self._limit:
            raise tarfile.TarError("it unpacks to more than the limit, or has a header of an absurd size")
        return self._stream.read(size)

    def seek(self, place: int) -> int:
        """As of a file."""
        if place > self._limit:
            raise tarfile.TarError("it unpacks to more than the limit")
        return self._stream.seek(place)

    def tell(self) -> int:
        """As of a file."""
        return self._stream.tell()


def _install(unpacked: Path, root: Path) -> None:
    """Put the whole tree in place with one rename, so that a half-filled root cannot be mistaken for a whole one."""
    if root.is_dir():
        root.rmdir()
    try:
        os.rename(unpacked, root)
    except OSError:
        if not root.is_dir():  # another process was first: its tree is as good
            raise
        shutil.rmtree(unpacked)
