"""What a pixel threshold is to promise, and which regions at or over it count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from adshift.errors import AdshiftError

IMAGE, AREA, PIXELS = "image", "area", "pixels"
KINDS = (IMAGE, AREA, PIXELS)
REGION = 16
"""The smallest region of the rules that live on good images, where none was chosen."""
MOST = 10**9
"""Pixels of a map, or of its side: more is none that a model makes."""


@dataclass(frozen=True)
class PixelRule:
    """How a run's pixel thresholds are made. Without anything given: that of runs from before there was a choice.

    Attributes:
        kind: ``image``: a good image has an outline as rarely as a false alarm; ``area``: the expected share of a good
            image's pixels at or over the threshold is bounded; ``pixels``: the image's rule on the pixels of all images.
        region: the smallest region that is outlined and counted, in pixels of the model's own map.
        side: of that map, in pixels; 0 where every map is one.

    Raises:
        AdshiftError: a value of another type or out of its bounds.
    """

    kind: str = PIXELS
    region: int = 1
    side: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise AdshiftError(f"threshold.pixel={self.kind} must be one of: {', '.join(KINDS)}")
        for name, value, least in (("region", self.region, 1), ("side", self.side, 0)):
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= MOST:
                raise AdshiftError(
                    f"pixel rule {name}={value!r} must be a whole number of at least {least}; calibrate anew"
                )

    def region_in(self, shape: tuple[int, ...]) -> int:
        """The smallest region in a map [H, W] that was brought to another size: the same share of it."""
        height, width = shape
        return max(1, round(self.region * height * width / self.side**2)) if self.side else self.region

    def to_json(self) -> dict[str, Any]:
        """A dictionary of plain JSON types; ``from_json`` gives the equal object back."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Any) -> PixelRule:
        """The rule in a dictionary of plain JSON types; raises AdshiftError for anything else."""
        if not isinstance(data, Mapping) or data.keys() - {"kind", "region", "side"}:
            raise AdshiftError("the pixel rule of a calibration must hold kind, region and side alone; calibrate anew")
        return cls(**data)


PLAIN = PixelRule()
"""That of runs from before there was a choice."""
