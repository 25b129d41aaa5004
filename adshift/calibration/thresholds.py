"""One threshold a category, or one for all: calibration of image and pixel scores over a group of images."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from adshift.calibration.calibration import Calibration
from adshift.calibration.pixel_rule import PLAIN, PixelRule
from adshift.errors import AdshiftError

GLOBAL = "global"
MANUAL = "manual"
"""What a threshold that was given by hand is called, where another has the name of its rule."""

LARGEST_SCORE = 3.4028234663852886e38
"""The scores of images and pixels are float32."""


def is_score(value: object) -> bool:
    """Whether it is a number that a score could be."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST_SCORE


def by_hand(value: object) -> float:
    """A threshold that somebody typed, in the unit of raw scores.

    Raises:
        AdshiftError: it is no number within float32.
    """
    if not is_score(value):
        raise AdshiftError(
            f"threshold={value} must be a finite number within +-{LARGEST_SCORE:.2g}, which raw scores are compared with "
            "(predictions.csv has them); for a rule calibrate anew: evaluate.py run=DIR threshold=NAME"
        )
    return float(value)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Thresholds:
    """The calibrations of a run; the keys are category names, or ``global`` alone.

    Attributes:
        image, pixel: of images and of their pixels.
        left_out: image thresholds by the path of an image that was calibrated on and is tested too: each was made without
            that image. They decide on it in place of the category's, and are not kept.
        left_out_pixel: the same of pixels.
        normals: the image scores of the good calibration images, ascending, under the keys of ``image``: what p-values
            are taken against. Empty for a run from before they were kept.
        series: the series of each of these scores, whole numbers; no entry where every image is one by itself.
        pixel_rule: what the pixel thresholds promise, and which regions count.
    """

    image: dict[str, Calibration]
    pixel: dict[str, Calibration]
    left_out: dict[str, float] = field(default_factory=dict)
    normals: dict[str, tuple[float, ...]] = field(default_factory=dict)
    series: dict[str, tuple[int, ...]] = field(default_factory=dict)
    pixel_rule: PixelRule = PLAIN
    left_out_pixel: dict[str, float] = field(default_factory=dict)

    def image_threshold(self, category: str, path: str = "") -> float | None:
        """The image threshold for a category, or for its image at ``path``; None where nothing was calibrated."""
        own = self.left_out.get(path)
        return _value(self.image, category) if own is None else own

    def kind(self, category: str) -> str | None:
        """The rule that the image threshold for a category was made by; None where nothing was calibrated."""
        found = _calibration(self.image, category)
        return None if found is None else found.kind

    def normals_of(self, category: str) -> tuple[float, ...]:
        """The scores of the good images that the threshold for a category rests on; empty where they were not kept."""
        return self.normals.get(category) or self.normals.get(GLOBAL, ())

    def series_of(self, category: str) -> tuple[int, ...]:
        """The series of each of these; empty where every image is one by itself."""
        return self.series.get(category if category in self.normals else GLOBAL, ())

    def pixel_threshold(self, category: str, path: str = "") -> float | None:
        """The pixel threshold for a category, or for its image at ``path``; None where nothing was calibrated."""
        own = self.left_out_pixel.get(path)
        return _value(self.pixel, category) if own is None else own

    def pixel_promise(self, category: str) -> float | None:
        """The rate that a category's pixel threshold promises, of what ``pixel_rule`` says; None where it promises none."""
        found = _calibration(self.pixel, category)
        return None if found is None else found.promised_rate

    def to_json(self, domain: dict[str, Any]) -> dict[str, Any]:
        """The content of ``calibration.json``: everything a decision needs, beside the model."""
        return {
            "domain": domain,
            "image": {name: c.to_json() for name, c in self.image.items()},
            "pixel": {name: c.to_json() for name, c in self.pixel.items()},
            "normals": {name: list(scores) for name, scores in self.normals.items()},
            "series": {name: list(numbers) for name, numbers in self.series.items()},
            "pixel_rule": self.pixel_rule.to_json(),
        }

    @staticmethod
    def from_json(data: dict[str, Any]) -> Thresholds:
        """Read what ``to_json`` wrote; raises AdshiftError where it is something else."""
        if not all(isinstance(data.get(part), dict) for part in ("image", "pixel")):
            raise AdshiftError(f"a calibration with the keys {sorted(data)} must have image and pixel; calibrate anew")
        normals = _read_normals(data.get("normals", {}))
        return Thresholds(
            {name: Calibration.from_json(c) for name, c in data["image"].items()},
            {name: Calibration.from_json(c) for name, c in data["pixel"].items()},
            normals=normals,
            series=_read_series(data.get("series", {}), normals),
            pixel_rule=PixelRule.from_json(data.get("pixel_rule", {})),
        )


def _read_normals(data: Any) -> dict[str, tuple[float, ...]]:
    """The scores as ``to_json`` wrote them, in order; raises AdshiftError for anything else."""
    if not isinstance(data, dict) or not all(
        isinstance(scores, list) and scores and all(map(is_score, scores)) for scores in data.values()
    ):
        raise AdshiftError("the normals of a calibration must be finite scores, a list a category; calibrate anew")
    if any(scores != sorted(scores) for scores in data.values()):
        raise AdshiftError("the normals of a calibration must ascend, as they were written; calibrate anew")
    return {name: tuple(map(float, scores)) for name, scores in data.items()}


def _read_series(data: Any, normals: dict[str, tuple[float, ...]]) -> dict[str, tuple[int, ...]]:
    """The series as ``to_json`` wrote them; raises AdshiftError for anything else."""
    if not isinstance(data, dict) or not all(
        isinstance(numbers, list)
        and len(numbers) == len(normals.get(name, ()))
        and all(type(n) is int for n in numbers)
        for name, numbers in data.items()
    ):
        raise AdshiftError("the series of a calibration must be whole numbers, one a normal score; calibrate anew")
    return {name: tuple(numbers) for name, numbers in data.items()}


def _calibration(calibrations: dict[str, Calibration], category: str) -> Calibration | None:
    return calibrations.get(category) or calibrations.get(GLOBAL)


def _value(calibrations: dict[str, Calibration], category: str) -> float | None:
    found = _calibration(calibrations, category)
    return None if found is None else found.threshold
