"""What can be told of an export before anything heavy is imported: every mistake in its keys and its run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from adshift.config.build import checked, one_of
from adshift.config.threshold import threshold_by_hand
from adshift.export.packages import RESIZES, require_packages
from adshift.results.read import read_result


def foresee(chosen: Mapping[str, Any]) -> None:
    """Check a resolved configuration.

    Raises:
        AdshiftError: the format is unknown, a package is missing, a value is of another type, or the run is unfinished.
    """
    require_packages(checked("format", chosen["format"], str))
    one_of("resize", checked("resize", chosen["resize"], str), RESIZES)
    threshold_by_hand(chosen)
    read_result(Path(checked("run", chosen["run"], str)))
