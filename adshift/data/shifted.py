"""Write MVTec-Shift to disk: a category under a shifted domain, in MVTec layout, with every image's parameters in a CSV.

``python -m adshift.data.shifted data/mvtec data/mvtec_shift --categories carpet``
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image
from tqdm import tqdm

from adshift.data.dataset import read_pair
from adshift.data.samples import CategoryIndex, Sample, index_category
from adshift.errors import AdshiftError
from adshift.shift.by_name import NAMES, named_domain
from adshift.shift.domain import Domain
from adshift.shift.parameters import ShiftParameters
from adshift.shift.pixels import UInt8
from adshift.system.exit_status import status_of
from adshift.system.scratch import scratch_folder
from adshift.system.terminal import say

PARAMETERS = "shift_parameters.csv"


def _samples(index: CategoryIndex) -> tuple[Sample, ...]:
    return (*index.train_good, *index.test_good, *index.test_anomalous)


def parameter_rows(index: CategoryIndex, domain: Domain) -> Iterator[dict[str, object]]:
    """The sampled parameters of every image of a category: ``path``, then the fields of ``ShiftParameters``."""
    for sample in _samples(index):
        yield {"path": sample.path, **asdict(domain.parameters(sample.category, sample.path))}


def write_category(root: Path, out: Path, category: str, domain: Domain) -> Path:
    """Write OUT/CATEGORY as PNG (lossless: reading it gives what the domain gives on the fly), whole or not at all.

    Raises:
        AdshiftError: the source is missing or broken, or OUT/CATEGORY exists.
    """
    index = index_category(root, category)
    target = out / category
    if target.exists():
        raise AdshiftError(f"{target} exists; remove it or name another output folder")
    with scratch_folder(out, category) as scratch:
        for sample in tqdm(_samples(index), desc=f"{domain.name}: {category}", unit="image"):
            image, mask = read_pair(root, sample, domain)
            _save(scratch, sample.path, image)
            if sample.mask is not None and mask is not None:
                _save(scratch, sample.mask, fit_mask(mask, image) * 255)
        header = ["path", *(field.name for field in fields(ShiftParameters))]
        with (scratch / PARAMETERS).open("w", newline="", encoding="utf-8") as handle:
            writer = csv.DictWriter(handle, header, lineterminator="\n")
            writer.writeheader()
            writer.writerows(parameter_rows(index, domain))
        os.rename(scratch, target)
    return target


def fit_mask(mask: UInt8, image: UInt8) -> UInt8:
    """A mask [H, W] at the size of an image that a corruption may have brought to another, nearest neighbour."""
    if mask.shape == image.shape[:2]:
        return mask
    size = (image.shape[1], image.shape[0])
    return np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.NEAREST))


def _save(folder: Path, name: str, pixels: object) -> None:
    inside = PurePosixPath(*PurePosixPath(name).parts[1:]).with_suffix(".png")
    path = folder / inside
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)  # type: ignore[arg-type]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m adshift.data.shifted", description=__doc__)
    parser.add_argument("root", type=Path, help="folder that holds the clean category folders")
    parser.add_argument("out", type=Path, help="folder that gets the shifted ones")
    parser.add_argument("--categories", nargs="+", required=True)
    parser.add_argument("--domain", choices=NAMES, default="shift")
    parser.add_argument("--severity", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    return status_of(lambda: _write(parser.parse_args(arguments)))


def _write(chosen: argparse.Namespace) -> None:
    domain = named_domain(chosen.domain, chosen.severity, chosen.seed)
    for category in chosen.categories:
        written = write_category(chosen.root, chosen.out, category, domain)
        say(f"{written} ({PARAMETERS} lists each image's parameters)")


if __name__ == "__main__":
    sys.exit(main())
