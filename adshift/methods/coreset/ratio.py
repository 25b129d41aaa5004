"""How much of the train patches a coreset keeps."""

from __future__ import annotations

from adshift.errors import AdshiftError


def check_coreset_ratio(ratio: float) -> None:
    """Raises AdshiftError where ``ratio`` is outside (0, 1]."""
    if not 0 < ratio <= 1:
        raise AdshiftError(f"coreset_ratio={ratio} must be in (0, 1]; the study's is 0.05")
