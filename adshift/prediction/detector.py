"""A fitted detector in a few lines of Python: images in, verdicts out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from adshift.calibration.p_values import conformal_p_values
from adshift.calibration.pixel_rule import PLAIN, PixelRule
from adshift.calibration.regions import outlines
from adshift.calibration.thresholds import MANUAL, by_hand
from adshift.data.correction import Correction
from adshift.data.images import normalise
from adshift.errors import AdshiftError
from adshift.methods.finite import OVERFLOW, finite
from adshift.methods.method import Method
from adshift.prediction.decode import Decoded, ImageLike, decode_all, is_one
from adshift.run.fitted import load_fitted
from adshift.shift.pixels import UInt8


@dataclass(frozen=True, eq=False)
class Prediction:
    """The verdict on one image.

    Attributes:
        name: its path, or ``image N`` (from 0) for one that has none.
        score: raw distance; larger is more anomalous.
        threshold: the run's; None where it calibrated none.
        anomaly_map: float32 [S, S], raw distances.
        image: uint8 [S, S, 3], what the model saw.
        shape: height and width of the image itself.
        note: what should be known of the image's values (almost black, one colour throughout); else empty.
        p_value: share of good images with a score at least as high, as far as the run's calibration images tell, in (0, 1]
            (``adshift.calibration.p_values.conformal_p_values``); None where it kept none.
        regions: how many regions of the map are outlined: 8-connected, at or over the pixel threshold, of at least the
            detector's ``pixel_rule.region`` pixels; None without a pixel threshold.
    """

    name: str
    score: float
    threshold: float | None
    anomaly_map: NDArray[np.float32]
    image: UInt8
    shape: tuple[int, int]
    note: str = ""
    p_value: float | None = None
    regions: int | None = None

    @property
    def anomalous(self) -> bool | None:
        """Whether score >= threshold; None without a threshold."""
        return None if self.threshold is None else self.score >= self.threshold


class Detector:
    """A fitted method with its decision rule; ``adshift.load`` makes one from a run's folder.

    Args:
        method: fitted.
        image_size: S, the side that images are brought to.
        threshold: an image is anomalous if its score is >= this; None decides nothing.
        threshold_kind: the rule that it was made by, or ``manual``.
        pixel_threshold: the same for a pixel of the map.
        device: where the method runs.
        correction: what every image goes through before it is resized; None for images as they are. Where it moves an
            object, map and ``Prediction.image`` show it where it was moved to.
        normals: scores of the good calibration images, ascending, for p-values; empty gives none.
        series: the series of each of these; empty where every image is one by itself.
        pixel_rule: what the pixel threshold promises, and the smallest region that is outlined.
        pixel_promised: the rate that it promises; None where it promises none.

    >>> from adshift.features.backbone import FrozenBackbone
    >>> from adshift.methods.patchcore import PatchCore
    >>> good, spoilt = np.full((48, 64, 3), 90, np.uint8), np.full((48, 64, 3), 90, np.uint8)
    >>> spoilt[10:30, 20:40] = 255
    >>> method = PatchCore(FrozenBackbone("resnet18", ["layer1"], "random"), coreset_ratio=1.0)
    >>> method.begin_fit(1)
    >>> method.collect(method.embed(normalise(np.full((32, 32, 3), 90, np.uint8))[None]))
    >>> seconds = method.finish_fit()
    >>> detector = Detector(method, image_size=32, threshold=0.01)
    >>> for found in detector.predict([good, spoilt]):
    ...     print(found.name, found.anomalous, found.anomaly_map.shape)
    image 0 False (32, 32)
    image 1 True (32, 32)
    """

    def __init__(
        self,
        method: Method,
        image_size: int,
        threshold: float | None = None,
        pixel_threshold: float | None = None,
        device: torch.device | None = None,
        correction: Correction | None = None,
        threshold_kind: str | None = None,
        normals: tuple[float, ...] = (),
        series: tuple[int, ...] = (),
        pixel_rule: PixelRule = PLAIN,
        pixel_promised: float | None = None,
    ) -> None:
        self.device = torch.device("cpu") if device is None else device
        self.method = method.eval().to(self.device)
        self.image_size = image_size
        self.threshold = threshold
        self.threshold_kind = threshold_kind
        self.pixel_threshold = pixel_threshold
        self.correction = correction
        self.normals = normals
        self.series = series
        self.pixel_rule = pixel_rule
        self.pixel_promised = pixel_promised

    def predict(
        self,
        images: ImageLike | Iterable[ImageLike],
        batch_size: int = 32,
        num_workers: int = 0,
        on_error: Callable[[str, str], None] | None = None,
    ) -> Iterator[Prediction]:
        """Score images one after another, as they are asked for: any number of them takes the same memory.

        Args:
            images: one image or any number: paths, Pillow images, uint8 arrays [H, W, 3] (RGB), [H, W] or [H, W, 1] (grey).
                The path of a folder stands for the images in it and below it.
            batch_size: images that go through the backbone together.
            num_workers: threads that decode ahead; 0 decodes between the batches.
            on_error: told the name of an image that cannot be read, or whose score or map is not finite, and why; it is
                then left out.

        Raises:
            AdshiftError: an image cannot be read, and there is no ``on_error``; or an argument is out of bounds. At once
                without ``on_error``, else when all images have been scored: a score or a map was not finite.
        """
        if batch_size < 1 or num_workers < 0:
            raise AdshiftError(
                f"batch_size={batch_size} must be >= 1 and num_workers={num_workers} >= 0; the defaults are 32 and 0"
            )
        several: Iterable[Any] = [images] if is_one(images) else images  # type: ignore[assignment,list-item]
        return self._predict(several, batch_size, num_workers, on_error)

    def _predict(
        self,
        images: Iterable[ImageLike],
        batch_size: int,
        num_workers: int,
        on_error: Callable[[str, str], None] | None,
    ) -> Iterator[Prediction]:
        batch: list[Decoded] = []
        overflowed: list[str] = []
        for decoded in decode_all(images, self.image_size, num_workers, 2 * batch_size, self.correction):
            batch.append(decoded)
            if len(batch) == batch_size:
                yield from self._verdicts(batch, on_error, overflowed)
                batch = []
        yield from self._verdicts(batch, on_error, overflowed)
        if overflowed:
            raise AdshiftError(f"{len(overflowed)} images have no finite score, {overflowed[0]} the first: {OVERFLOW}")

    def _verdicts(
        self, batch: list[Decoded], on_error: Callable[[str, str], None] | None, overflowed: list[str]
    ) -> Iterator[Prediction]:
        """The predictions of a batch; an image that was not read, or has no finite score, is told in its place."""
        good = [(d, d.pixels) for d in batch if d.pixels is not None]
        scored = iter(self._scored(good) if good else ())
        for decoded in batch:
            found = None if decoded.pixels is None else next(scored)
            if found is not None and found[1]:
                yield found[0]
                continue
            why = decoded.error
            if found is not None:
                overflowed.append(decoded.name)
                why = f"{decoded.name} has the score {found[0].score} and a map that must be finite: {OVERFLOW}"
            if on_error is None:
                raise AdshiftError(why)
            on_error(decoded.name, why)

    def _p_values(self, scores: list[float]) -> list[float] | list[None]:
        if not self.normals:
            return [None] * len(scores)
        return conformal_p_values(scores, self.normals, self.series).tolist()  # type: ignore[no-any-return]

    @torch.inference_mode()
    def _scored(self, batch: list[tuple[Decoded, UInt8]]) -> list[tuple[Prediction, bool]]:
        """Each image's prediction, and whether it is one: whether its numbers are finite."""
        scores = self.method(torch.stack([normalise(pixels) for _, pixels in batch]).to(self.device))
        values, maps_BSS = scores.image_score_B.double().tolist(), scores.anomaly_map_BHW.cpu().numpy()
        p_values = self._p_values(values)
        return [
            (
                Prediction(
                    d.name, score, self.threshold, anomaly_map, pixels, d.shape, d.note, p, self._regions(anomaly_map)
                ),
                bool(number),
            )
            for (d, pixels), score, p, anomaly_map, number in zip(
                batch, values, p_values, maps_BSS, finite(scores), strict=True
            )
        ]

    def _regions(self, anomaly_map: NDArray[np.float32]) -> int | None:
        if self.pixel_threshold is None:
            return None
        return outlines(anomaly_map, self.pixel_threshold, self.pixel_rule.region_in(anomaly_map.shape))


def device_named(name: str) -> torch.device:
    """``auto`` is CUDA where there is a device, else the CPU.

    Raises:
        AdshiftError: no such device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise AdshiftError(f"device={name} is not to be had ({reason}); use auto or cpu") from error
    return device


def load_detector(
    run: Path, category: str | None = None, device: str = "auto", threshold: float | None = None
) -> Detector:
    """The detector of a finished run; see ``adshift.load``."""
    where = device_named(device)
    fitted = load_fitted(run)
    name = fitted.category(category)
    return Detector(
        fitted.method,
        fitted.image_size,
        fitted.thresholds.image_threshold(name) if threshold is None else by_hand(threshold),
        fitted.thresholds.pixel_threshold(name),
        where,
        fitted.correction,
        fitted.thresholds.kind(name) if threshold is None else MANUAL,
        fitted.thresholds.normals_of(name),
        fitted.thresholds.series_of(name),
        fitted.thresholds.pixel_rule,
        fitted.thresholds.pixel_promise(name),
    )
