"""MVTec AD: fetched once from its official archive, checked, unpacked."""

from __future__ import annotations

import lzma
import os
import shutil
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from adshift.download import download, one_at_a_time
from adshift.errors import AdshiftError

CATEGORIES = (
    "bottle", "cable", "capsule", "carpet", "grid", "hazelnut", "leather", "metal_nut",
    "pill", "screw", "tile", "toothbrush", "transistor", "wood", "zipper",
)  # fmt: skip

ARCHIVE_URL = (
    "https://www.mydrive.ch/shares/150996/b52ecdcbf521176e9db9c731f2304b27/download/420938113-1629960298/"
    "mvtec_anomaly_detection.tar.xz"
)
ARCHIVE_SHA256 = "cf4313b13603bec67abb49ca959488f7eedce2a9f7795ec54446c649ac98cd3d"
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
            print(LICENCE)
            _fetch(root, categories, url, sha256)


def _filled(root: Path) -> bool:
    return root.is_dir() and any(root.iterdir())


def _fetch(root: Path, categories: Sequence[str], url: str, sha256: str) -> None:
    with tempfile.TemporaryDirectory(dir=root.parent, prefix=f".{root.name}.") as scratch:
        archive = Path(scratch) / "mvtec.tar.xz"
        remedy = (
            f"fetch {url} elsewhere and unpack it so that {root}/carpet/train/good/000.png exists (layout: "
            "ROOT/CATEGORY/train/good, test/DEFECT, ground_truth/DEFECT), or give data.root=FOLDER, or use "
            "data=synthetic, which needs no download"
        )
        download(url, archive, sha256=sha256, remedy=remedy)
        unpacked = Path(scratch) / "unpacked"
        unpack(archive, unpacked)
        archive.unlink()
        missing = sorted(set(categories) - {p.name for p in unpacked.iterdir() if p.is_dir()})
        if missing:
            raise AdshiftError(f"the archive {url} holds no folder {missing[0]}; {remedy}")
        _install(unpacked, root)


def unpack(archive: Path, target: Path) -> None:
    """Extract a tar archive below ``target``; absolute paths, ``..``, links that lead out and devices are refused.

    Raises:
        AdshiftError: the archive is broken or holds a member that would leave ``target``.
    """
    target.mkdir(parents=True)
    try:
        with tarfile.open(archive) as tar:
            for member in tqdm(tar, desc="unpack", unit="file"):
                tar.extract(member, target, filter="data")
    except (tarfile.TarError, lzma.LZMAError, EOFError, OSError) as error:
        reason = str(error).splitlines()[0].rstrip(":") if str(error) else type(error).__name__
        raise AdshiftError(f"archive {archive.name} cannot be unpacked ({reason}); fetch it again") from error


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
