"""The procedural data set: three made-up categories on disk in MVTec layout, ready without a download.

`python -m adshift.data.synthetic ROOT [--seed 0] [--categories weave nut rack]` writes it. Every image comes
from generators seeded with (seed, category, relative path): neither the order nor the other images matter.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from adshift.data.procedural import nut, rack, weave
from adshift.data.procedural.camera import Photo, change_mask, photograph
from adshift.errors import AdshiftError
from adshift.system.exit_status import status_of
from adshift.system.scratch import scratch_folder
from adshift.system.terminal import say

VERSION = 1  # raise it whenever a pixel changes
MANIFEST = "synthetic.json"
CATEGORIES: tuple[str, ...] = ("weave", "nut", "rack")

_PRODUCTS: dict[str, ModuleType] = {"weave": weave, "nut": nut, "rack": rack}
_MIN_MASK = 24  # pixels; a defect that shows less than this is drawn again
_ATTEMPTS = 32


@dataclass(frozen=True)
class Counts:
    """Images a category: nominal ones to train and to test on, defective ones of each of the four kinds."""

    train: int = 100
    test_good: int = 30
    per_defect: int = 15


@dataclass(frozen=True)
class Sample:
    """One image as drawn, RGB; `nominal_HW3` is the same part unharmed; `mask_HW` is 0 or 255; all uint8."""

    image_HW3: Photo
    nominal_HW3: Photo
    mask_HW: Photo


def defects(category: str) -> tuple[str, ...]:
    """Names of the category's defect folders, sorted. Raises AdshiftError for an unknown category."""
    _check_known([category])
    names: tuple[str, ...] = _PRODUCTS[category].DEFECTS
    return names


def draw(category: str, path: str, *, seed: int = 0) -> Sample:
    """Draw the image at `path` ("train/good/000.png", "test/DEFECT/000.png") of a category, 256 x 256.

    The folder above the file says what is on it: `good` or one of `defects(category)`, else AdshiftError. The
    mask is empty for `good`; otherwise it is where a channel differs from `nominal_HW3` by more than 4 of 255
    levels, with pinholes (at most 12 pixels) filled and specks (at most 15) left out; the image equals
    `nominal_HW3` to the bit outside it.
    """
    defect = path.split("/")[-2] if path.count("/") else ""
    if defect not in ("good", *defects(category)):
        raise AdshiftError(f"path={path} names no defect of {category}: use good, {', '.join(defects(category))}")

    def stream(*purpose: str | int) -> np.random.Generator:
        return _generator(seed, category, path, *purpose)

    product = _PRODUCTS[category]
    part = product.stage(stream("part"))
    nominal = photograph(stream("camera"), product.render(part, None, stream("damage")))
    if defect == "good":
        return Sample(nominal, nominal, np.zeros(nominal.shape[:2], dtype=np.uint8))
    for attempt in range(_ATTEMPTS):
        image = photograph(stream("camera"), product.render(part, defect, stream("damage", attempt)))
        mask = change_mask(image, nominal)
        if np.count_nonzero(mask) >= _MIN_MASK:
            return Sample(np.where(mask[..., None] == 255, image, nominal), nominal, mask)
    raise AssertionError(f"no visible {defect} for {category}/{path} in {_ATTEMPTS} attempts")


def ensure(
    root: Path,
    categories: Sequence[str] = CATEGORIES,
    *,
    seed: int = 0,
    progress: bool = True,
    counts: Counts = Counts(),
) -> None:
    """Make each category that is missing under `root`, in MVTec layout; a complete one is left alone.

    A category is complete where its `synthetic.json` names this version, seed and counts. Each is written
    into a hidden sibling folder and renamed at the end; of two processes at once the later one accepts the
    earlier one's folder.
    Raises AdshiftError, before anything is drawn, for an unknown category, a folder made with other settings,
    one that is not ours and counts under 1; and for a root that cannot be written.
    """
    _check_known(categories)
    _check_counts(counts)
    missing = [name for name in dict.fromkeys(categories) if not _is_complete(root / name, name, seed, counts)]
    if not missing:
        return
    try:
        root.mkdir(parents=True, exist_ok=True)
        total = len(missing) * len(list(_paths(missing[0], counts)))
        with tqdm(total=total, desc="synthetic", unit="image", disable=not progress) as bar:
            for category in missing:
                _make(root, category, seed, counts, bar)
    except OSError as error:
        raise AdshiftError(f"data.root={root} cannot be written ({error}); name a folder that can") from error


def _generator(*key: str | int) -> np.random.Generator:
    """A generator from sha256 over the key's parts."""
    digest = hashlib.sha256(json.dumps(key).encode()).digest()
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(int.from_bytes(digest, "big"))))


def _check_known(categories: Sequence[str]) -> None:
    for name in categories:
        if name not in CATEGORIES:
            raise AdshiftError(f"category={name} is not a synthetic one: use {', '.join(CATEGORIES)}")


def _check_counts(counts: Counts) -> None:
    for field in fields(counts):
        value = getattr(counts, field.name)
        if value < 1:
            raise AdshiftError(f"counts.{field.name}={value} must be at least 1")


def _manifest(category: str, seed: int, counts: Counts) -> dict[str, object]:
    return {
        "generator": "adshift.data.synthetic",
        "version": VERSION,
        "category": category,
        "seed": seed,
        "counts": asdict(counts),
    }


def _is_complete(folder: Path, category: str, seed: int, counts: Counts) -> bool:
    """Whether the folder holds this very category: False where absent, AdshiftError where it differs."""
    if not folder.exists() and not folder.is_symlink():
        return False
    try:
        found = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        kept = {key: found[key] for key in ("version", "seed", "counts")}
    except (OSError, ValueError, TypeError, KeyError):
        raise AdshiftError(
            f"{folder} exists but holds no readable {MANIFEST}, so it is not overwritten; "
            "choose another data.root, or move that folder away"
        ) from None
    wanted = _manifest(category, seed, counts)
    unlike = [key for key in kept if kept[key] != wanted[key]]
    if unlike:
        have = ", ".join(f"{key}={kept[key]}" for key in unlike)
        want = ", ".join(f"{key}={wanted[key]}" for key in unlike)
        raise AdshiftError(
            f"{folder} was made with {have}, but {want} is asked for; choose another data.root, or delete that folder"
        )
    return True


def _paths(category: str, counts: Counts) -> Iterator[str]:
    """Paths of all images of a category, relative to its folder."""
    plan = [("train/good", counts.train), ("test/good", counts.test_good)]
    plan += [(f"test/{defect}", counts.per_defect) for defect in defects(category)]
    for folder, count in plan:
        yield from (f"{folder}/{index:03d}.png" for index in range(count))


def _make(root: Path, category: str, seed: int, counts: Counts, bar: "tqdm[None]") -> None:
    """Write one category beside its final place, then rename it there, whole."""
    with scratch_folder(root, category) as draft:
        for path in _paths(category, counts):
            sample = draw(category, path, seed=seed)
            _write_png(draft / path, sample.image_HW3[..., ::-1])
            if sample.mask_HW.any():
                truth = path.replace("test/", "ground_truth/").replace(".png", "_mask.png")
                _write_png(draft / truth, sample.mask_HW)
            bar.update()
        manifest = json.dumps(_manifest(category, seed, counts), indent=2)
        (draft / MANIFEST).write_text(manifest + "\n", encoding="utf-8")
        try:
            draft.rename(root / category)
        except OSError:
            if not _is_complete(root / category, category, seed, counts):  # else another process was first
                raise


def _write_png(path: Path, image: npt.NDArray[np.uint8]) -> None:
    done, data = cv2.imencode(".png", np.ascontiguousarray(image))
    if not done:
        raise AssertionError(f"OpenCV could not encode {path.name}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.tobytes())


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status: 0, or 2 after one line on stderr."""
    parser = argparse.ArgumentParser(prog="python -m adshift.data.synthetic", description=__doc__)
    parser.add_argument("root", type=Path, help="the folder to hold the category folders")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--categories", nargs="+", default=list(CATEGORIES), metavar="NAME", help=str(CATEGORIES))
    return status_of(lambda: _write(parser.parse_args(arguments)))


def _write(chosen: argparse.Namespace) -> None:
    ensure(chosen.root, chosen.categories, seed=chosen.seed)
    for name in dict.fromkeys(chosen.categories):
        say(chosen.root / name)


if __name__ == "__main__":
    sys.exit(main())
