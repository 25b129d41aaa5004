"""PRO curves, from the saved maps and the masks."""

from __future__ import annotations

from adshift.errors import AdshiftError
from adshift.metrics.pixel import PixelRanking
from adshift.report.cells import Cell
from adshift.report.document import Plot, Section
from adshift.report.photographs import Photographs
from adshift.report.plots.curves import Vertices, pro, pro_vertices
from adshift.report.sections.curves import DRAWN
from adshift.report.study import Study
from adshift.report.tables import level
from adshift.shift.names import CLEAN

TOLERANCE = 1e-4
"""How far the curve's area may lie from the run's own figure before the images count as changed."""


def section(study: Study, photographs: Photographs) -> Section | None:
    """A plot a category whose runs saved their maps and whose masks are still there."""
    plots = []
    for place, category in enumerate(study.categories):
        curves = _curves(study, photographs, category)
        if curves:
            plots.append(
                Plot(
                    f"pro_{place}",
                    f"{category}: per-region overlap up to a false-positive rate of 0.3; the legend gives PRO@0.3 "
                    "[95 % interval].",
                    f"PRO curves of {category}. "
                    + "; ".join(f"{d}: {', '.join(found)}" for d, found in curves.items()),
                    lambda curves=curves: pro(curves),  # type: ignore[misc]
                )
            )
    if not plots:
        return None
    lead = "Mean overlap over the ground-truth regions against the false-positive rate over all defect-free pixels."
    return Section("pro", "PRO curves", lead, plots=tuple(plots))


def _curves(study: Study, photographs: Photographs, category: str) -> dict[str, dict[str, Vertices]]:
    curves: dict[str, dict[str, Vertices]] = {}
    for detector in study.detectors:
        for name, series in study.conditions(detector, study.main_domain).items():
            if name.rpartition(", ")[2] in (CLEAN, *DRAWN) and category in series.cells:
                cell = series.cells[category]
                found = _vertices(photographs, cell, category)
                if found is not None:
                    told = level(cell.figures[category], "pro_030")
                    curves.setdefault(detector, {})[f"{name}: {told}"] = found
    return curves


def _vertices(photographs: Photographs, cell: Cell, category: str) -> Vertices | None:
    samples = photographs.samples(cell, category)
    maps = photographs.maps(cell, list(samples))
    figure = cell.figures[category].values.get("pro_030")
    if not maps or len(maps) < len(cell.scores[category].path) or not isinstance(figure, float):
        return None
    try:
        masks = [photographs.mask(cell, samples[p], m.shape) if samples[p].label else None for p, m in maps.items()]
        known = [
            (m, mask)
            for (p, m), mask in zip(maps.items(), masks, strict=True)
            if mask is not None or not samples[p].label
        ]
        ranking = PixelRanking.from_maps([m for m, _ in known], [mask for _, mask in known])
    except AdshiftError as error:
        photographs.complain(error)
        return None
    area = ranking.pro(0.3)
    if area is None or abs(area - figure) > TOLERANCE:
        photographs.complain(
            AdshiftError(
                f"{cell.run.folder}: PRO@0.3 of {category} is {area} from maps and masks, {figure} in result.json"
            )
        )
        return None
    return pro_vertices(ranking)
