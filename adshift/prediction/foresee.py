"""What can be told of a prediction before anything heavy is imported: every mistake in its keys, its source, its run."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from adshift.config.build import checked
from adshift.config.threshold import threshold_by_hand
from adshift.prediction.batch import foresee_batch
from adshift.prediction.sources import list_images
from adshift.results.read import read_result

KINDS: dict[type, tuple[str, ...]] = {
    bool: ("strict", "fail_on_anomaly"),
    str: ("run", "source", "device", "pictures", "decide"),
    int: ("batch_size", "num_workers", "max_pictures", "picture_size"),
}


def foresee(chosen: Mapping[str, Any]) -> None:
    """Check a resolved configuration.

    Raises:
        AdshiftError: a value is of another type, the source names no image, or the run is unfinished.
    """
    for kind, keys in KINDS.items():
        for key in keys:
            checked(key, chosen[key], kind)
    threshold_by_hand(chosen)
    foresee_batch(chosen)
    if not os.path.isdir(chosen["source"]):  # a folder is listed when its images are read: it may hold many
        list_images(chosen["source"])
    read_result(Path(chosen["run"]))
