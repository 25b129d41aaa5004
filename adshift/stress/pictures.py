"""Pictures of the pasted defects: the good image, the defect in its outline, and both in a changed scene."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from adshift.data.dataset import read_pair
from adshift.data.samples import GOOD, Sample
from adshift.report.document import Plot
from adshift.report.pictures import TILE, outline
from adshift.report.plots.tiles import Example, tiles
from adshift.shift.domain import Domain
from adshift.shift.pixels import UInt8, resize_image, resize_mask
from adshift.stress.outcome import Outcome

if TYPE_CHECKING:
    from matplotlib.figure import Figure

EACH = 2
"""Examples of each kind."""


def pasted_plot(outcome: Outcome) -> Plot:
    """Some images of each kind: as they are, with the pasted defect outlined, and that under the first change."""
    plan = outcome.plan
    component = plan.components[0]
    severity = min(plan.severities, key=lambda s: abs(s - 1), default=1.0)
    changed = plan.domain(component, severity)
    picked = [[s for s in outcome.bench.pasted if s.pasted and s.pasted.kind == kind][:EACH] for kind in plan.defects]

    def tile(sample: Sample, domain: Domain) -> UInt8:
        image, mask = read_pair(outcome.root, sample, domain)
        return outline(resize_image(image, TILE), None if mask is None else resize_mask(mask, TILE))

    def draw() -> Figure:
        examples = []
        for sample in (sample for kind in picked for sample in kind):
            good = replace(sample, defect=GOOD, pasted=None)
            three = (tile(good, plan.home), tile(sample, plan.home), tile(sample, changed))
            examples.append(Example(f"{sample.defect}: {sample.path.rpartition('/')[2]}", False, three))
        return tiles(examples)

    return Plot(
        "pasted",
        f"PASTED defects, not real ones: the good image, the defect outlined, and the same under {component}, severity "
        f"{severity:g}.",
        "Photographs of good parts with drawn defects.",
        draw,
        raster=True,
    )
