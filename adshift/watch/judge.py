"""One file to what is known of its picture: the bytes' hash, looks, and the detector's verdict."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from adshift.appearance.looks import measured
from adshift.data.images import read_image, suspicious_values
from adshift.errors import AdshiftError
from adshift.prediction.detector import Detector, Prediction
from adshift.shift.pixels import resize_image


@dataclass(frozen=True)
class Judged:
    """A picture that was read.

    Attributes:
        looks: as ``adshift.appearance.looks.measured`` gives them, of the picture at the detector's size.
        found: the verdict; None where the score is not finite.
        error: why there is none; else empty.
        note: what should be known of the picture's values; else empty.
    """

    looks: tuple[float, ...]
    found: Prediction | None
    error: str = ""
    note: str = ""


def judge(detector: Detector, path: Path, sha256: str) -> Judged:
    """Decode the file once, measure it and score it.

    Args:
        detector: of the run.
        path: of the file.
        sha256: that its bytes must have.

    Raises:
        AdshiftError: the file cannot be decoded, or holds other bytes.
    """
    pixels = read_image(path, sha256)
    told = suspicious_values(pixels)
    why: list[str] = []
    looks = measured(resize_image(pixels, detector.image_size))
    found: list[Prediction] = []
    try:
        found = list(detector.predict([pixels], batch_size=1, on_error=lambda _, error: why.append(error)))
    except AdshiftError as error:  # told at the end: the score was not finite
        why.append(str(error))
    note = f"{told[0]}; {told[1]}" if told else ""
    if not found:
        return Judged(tuple(math.nan for _ in looks), None, f"{path}: {why[0]}", note)
    return Judged(looks, found[0], note=note)
