"""adshift: how far does an industrial anomaly detector fall when the light changes, and what is the cheapest repair?

``adshift.load(DIR)`` takes a finished run to new images. Nothing heavy is imported until it is called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from adshift.prediction.detector import Detector

__all__ = ["load"]


def load(
    run: str | Path, category: str | None = None, device: str = "auto", threshold: float | None = None
) -> Detector:
    """The detector of a finished run.

    Args:
        run: the folder that train.py left, or evaluate.py: then its new threshold on the model that it evaluated.
        category: whose threshold decides, where the run has several.
        device: ``auto``, ``cpu``, ``cuda``, ...
        threshold: raw score that decides in place of the run's own threshold.

    Returns:
        a detector whose ``predict`` takes paths of images and folders, Pillow images and arrays.

    Raises:
        AdshiftError: the run is unfinished or broken, or the category or the device is unknown; or the threshold is
            no finite number.
    """
    from pathlib import Path

    from adshift.prediction.detector import load_detector

    return load_detector(Path(run), category, device, threshold)
