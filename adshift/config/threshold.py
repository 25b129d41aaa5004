"""A threshold that the command line gives by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adshift.calibration.thresholds import by_hand


def threshold_by_hand(config: Mapping[str, Any]) -> float | None:
    """``threshold.value`` of a resolved configuration; None where none was given.

    Raises:
        AdshiftError: it is no finite number.
    """
    value = config["threshold"]["value"]
    return None if value is None else by_hand(value)
