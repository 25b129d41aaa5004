"""Good images with a pasted defect each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from adshift.data.pasted import Pasted
from adshift.data.samples import Sample


def with_defects(good: Sequence[Sample], kinds: Sequence[str], size: float, seed: int) -> tuple[Sample, ...]:
    """Each good image with one pasted defect; the kinds take turns."""
    pasted = (Pasted(kinds[i % len(kinds)], size, seed) for i in range(len(good)))
    return tuple(
        replace(sample, defect=defect.defect, mask=None, pasted=defect)
        for sample, defect in zip(good, pasted, strict=True)
    )
