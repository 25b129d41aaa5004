"""Pictures of a run: image, ground truth and anomaly map side by side, with the verdict in words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from adshift.calibration.thresholds import Thresholds
from adshift.data.correction import Correction
from adshift.data.dataset import read_pair
from adshift.data.samples import Sample
from adshift.shift.domain import Domain
from adshift.shift.pixels import UInt8, resize_image, resize_mask
from adshift.stages.scored import ScoredImages
from adshift.system.writing import writing

TILE = 224
GAP = 6
CAPTION = 22
ROWS = 8
OUTLINE = (255, 255, 255)


def colour_scale(maps: list[NDArray[np.float32]]) -> tuple[float, float]:
    """The map values that the colours span: the median pixel to the largest but for one pixel in a thousand."""
    pooled = np.concatenate([m.ravel()[::16] for m in maps])
    low, high = np.quantile(pooled, [0.5, 0.999])
    return float(low), float(max(high, low + 1e-12))


def overlay(image: UInt8, anomaly_map: NDArray[np.float32], scale: tuple[float, float]) -> UInt8:
    """Blend a map [H, W] over an image [H, W, 3]; magma, legible without colour vision."""
    import cv2

    level = np.clip((anomaly_map - scale[0]) / (scale[1] - scale[0]), 0, 1)
    heat = cv2.applyColorMap((level * 255).astype(np.uint8), cv2.COLORMAP_MAGMA)[:, :, ::-1]
    weight = (0.25 + 0.5 * level)[:, :, None]
    return np.asarray(np.rint(image * (1 - weight) + heat * weight), np.uint8)


def outline(image: UInt8, mask: UInt8 | None) -> UInt8:
    """The image with the outline of its ground truth."""
    import cv2

    drawn = image.copy()
    if mask is not None and mask.any():
        contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(drawn, contours, -1, (0, 0, 0), 3)
        cv2.drawContours(drawn, contours, -1, OUTLINE, 1)
    return drawn


def _caption(sample: Sample, score: float, threshold: float | None) -> str:
    if threshold is None:
        return f"{sample.path.split('/', 1)[-1]}  score {score:.3g}"
    decided = "anomalous" if score >= threshold else "normal"
    right = (score >= threshold) == bool(sample.label)
    sign = ">=" if score >= threshold else "<"
    return (
        f"{sample.path.split('/', 1)[-1]}  {score:.3g} {sign} {threshold:.3g}: {decided}{'' if right else '  (WRONG)'}"
    )


def row(root: Path, domain: Domain, sample: Sample, anomaly_map: NDArray[np.float32], scale: tuple[float, float],
        caption: str, correction: Correction | None = None) -> UInt8:  # fmt: skip
    """Image, image with the ground truth's outline, overlay; uint8 [TILE + CAPTION, 3 TILE + 2 GAP, 3]."""
    import cv2

    image, mask = read_pair(root, sample, domain, correction)
    image = resize_image(image, TILE)
    mask = None if mask is None else resize_mask(mask, TILE)
    level = cv2.resize(anomaly_map, (TILE, TILE), interpolation=cv2.INTER_LINEAR)
    canvas = np.full((TILE + CAPTION, 3 * TILE + 2 * GAP, 3), 255, np.uint8)
    for i, tile in enumerate((image, outline(image, mask), overlay(image, level, scale))):
        canvas[CAPTION:, i * (TILE + GAP) : i * (TILE + GAP) + TILE] = tile
    cv2.putText(canvas, caption, (2, CAPTION - 7), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 0, 0), 1, cv2.LINE_AA)
    return canvas


def spread(score_N: NDArray[np.float64], count: int) -> list[int]:
    """Places of ``count`` scores spread evenly from the lowest to the highest rank."""
    order = np.argsort(score_N, kind="stable")
    return [int(i) for i in order[np.unique(np.linspace(0, len(order) - 1, min(count, len(order))).astype(int))]]


def write_pictures(
    folder: Path,
    root: Path,
    domain: Domain,
    scored: ScoredImages,
    thresholds: Thresholds,
    correction: Correction | None = None,
) -> None:
    """One sheet a category and class: rows from the lowest to the highest score of that class, as the model saw them."""
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    for category in sorted({sample.category for sample in scored.samples}):
        part = scored.of_category(category)
        scale = colour_scale(part.maps)
        threshold = thresholds.image_threshold(category)
        for name, label in (("normal", 0), ("anomalous", 1)):
            group = part.select(part.label_N == label)
            rows = [
                row(root, domain, group.samples[i], group.maps[i], scale,
                    _caption(group.samples[i], float(group.score_N[i]), threshold), correction)
                for i in spread(group.score_N, ROWS)
            ]  # fmt: skip
            if rows:
                sheet = Image.fromarray(np.concatenate(rows))
                with writing(folder):
                    sheet.save(
                        folder / f"{category}_{name}.png", compress_level=4
                    )  # as small as by 6, in half the time
