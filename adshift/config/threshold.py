"""The threshold group: the rule, what its pixel thresholds promise, and a threshold that is given by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adshift.calibration.calibration import Calibrator
from adshift.calibration.pixel_rule import AREA, KINDS, PLAIN, PixelRule
from adshift.calibration.thresholds import by_hand
from adshift.config.build import build, checked, one_of, within
from adshift.errors import AdshiftError

OF_ALL = ("scope", "pixel", "region")
"""Keys of every threshold rule that are not its own class's."""


def calibrator_of(node: Mapping[str, Any]) -> Calibrator:
    """The rule of a configuration's ``threshold``."""
    rule: Calibrator = build(node, "threshold", without=OF_ALL)
    return rule


def pixel_rule_of(node: Mapping[str, Any], calibrator: Calibrator, image_size: int) -> PixelRule:
    """``threshold.pixel`` and ``threshold.region``; as they were before there was a choice, where a run does not have them.

    Raises:
        AdshiftError: a value out of its bounds, or a rate to bound asked of a rule that has none.
    """
    kind = checked("threshold.pixel", node.get("pixel", PLAIN.kind), str)
    region = checked("threshold.region", node.get("region", PLAIN.region), int)
    one_of("threshold.pixel", kind, KINDS)
    within("threshold.region", region, 1, image_size**2, "1 outlines every pixel; --help shows the default")
    if kind == AREA and not hasattr(calibrator, "alpha"):
        raise AdshiftError(
            f"threshold.pixel={AREA} bounds a rate, and threshold={calibrator.kind} has no threshold.alpha; use "
            "threshold.pixel=image, or threshold=conformal, quantile or evt"
        )
    return PixelRule(kind, region, image_size)


def threshold_by_hand(config: Mapping[str, Any]) -> float | None:
    """``threshold.value`` of a resolved configuration; None where none was given.

    Raises:
        AdshiftError: it is no finite number.
    """
    value = config["threshold"]["value"]
    return None if value is None else by_hand(value)
