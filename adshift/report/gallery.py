"""The clean / shifted gallery: each image as it is, above the same one shifted.

``python -m adshift.report.gallery data/mvtec gallery.png --categories carpet hazelnut zipper``
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from adshift.data.dataset import read_pair
from adshift.data.samples import Sample, index_category
from adshift.errors import AdshiftError
from adshift.report.pictures import GAP, TILE, outline
from adshift.shift.by_name import NAMES, named_domain
from adshift.shift.domain import Domain
from adshift.shift.parameters import ShiftParameters
from adshift.shift.pixels import UInt8, resize_image, resize_mask
from adshift.system.atomic import atomic_path
from adshift.system.exit_status import status_of
from adshift.system.terminal import say

PICTURES = (".png", ".jpg", ".webp")
LINE = 15
"""Height of a caption's line in pixels."""


def describe(p: ShiftParameters) -> tuple[str, str]:
    """The parameters that act, in two short lines: the scene's pose and light, then the camera."""
    scene, camera = [], []
    if p.scale != 1.0:
        scene.append(f"{p.rotation_deg:+.0f} deg, x{p.scale:.2f}")
    if p.illumination != "none":
        scene.append(f"dark {p.illumination} {p.darkest:.2f}")
    if p.brightness != 1.0:
        camera.append(f"b{p.brightness:.1f} c{p.contrast:.1f} s{p.saturation:.1f}")
    if p.blur_sigma:
        camera.append(f"blur {p.blur_sigma:.1f}")
    if p.noise_sigma:
        camera.append(f"noise {p.noise_sigma:.2f}")
    return ", ".join(scene) or "identity", ", ".join(camera)


def _tile(root: Path, sample: Sample, domain: Domain) -> UInt8:
    image, mask = read_pair(root, sample, domain)
    return outline(resize_image(image, TILE), None if mask is None else resize_mask(mask, TILE))


def gallery(root: Path, categories: Sequence[str], domain: Domain, columns: int) -> UInt8:
    """Two rows a category, clean above shifted, the defects outlined; the captions give the sampled parameters.

    Returns:
        uint8 [H, W, 3].
    """
    import cv2

    rows = []
    for category in categories:
        index = index_category(root, category)
        pool = [*index.test_anomalous, *index.test_good] or list(index.train_good)
        chosen = [pool[i] for i in np.unique(np.linspace(0, len(pool) - 1, columns).astype(int))]
        for shown in (Domain(), domain):
            canvas = np.full((TILE + 2 * LINE + GAP, columns * (TILE + GAP), 3), 255, np.uint8)
            for i, sample in enumerate(chosen):
                left = i * (TILE + GAP)
                canvas[2 * LINE + GAP :, left : left + TILE] = _tile(root, sample, shown)
                clean = (category, sample.path.split("/", 1)[-1])
                lines = clean if shown.name == "clean" else describe(shown.parameters(category, sample.path))
                for place, words in enumerate(lines):
                    at = (left + 2, LINE * (place + 1))
                    cv2.putText(canvas, words, at, cv2.FONT_HERSHEY_SIMPLEX, 0.36, (0, 0, 0), 1, cv2.LINE_AA)
            rows.append(canvas)
    return np.concatenate(rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m adshift.report.gallery", description=__doc__)
    parser.add_argument("root", type=Path, help="folder that holds the category folders")
    parser.add_argument("out", type=Path, help="the picture to write (.png, .jpg or .webp)")
    parser.add_argument("--categories", nargs="+", required=True)
    parser.add_argument("--domain", choices=NAMES, default="shift")
    parser.add_argument("--severity", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--columns", type=int, default=5)
    return status_of(lambda: _write(parser.parse_args(arguments)))


def _write(chosen: argparse.Namespace) -> None:
    if chosen.out.suffix.lower() not in PICTURES:
        raise AdshiftError(f"{chosen.out} must end in one of {', '.join(PICTURES)}")
    domain = named_domain(chosen.domain, chosen.severity, chosen.seed)
    picture = gallery(chosen.root, chosen.categories, domain, max(1, chosen.columns))
    with atomic_path(chosen.out) as partial:
        Image.fromarray(picture).save(partial)
    say(chosen.out)


if __name__ == "__main__":
    sys.exit(main())
