"""A unified model in words."""

from __future__ import annotations

from adshift.report.cells import Cell
from adshift.report.study import Study
from adshift.report.tables import ratio_text
from adshift.shift.names import CLEAN


def unified_name(study: Study, cell: Cell) -> str:
    """Detector and condition of a unified model, and each factor but the scope that is not the study's usual one."""
    shifted = cell.domain != CLEAN
    sets = {c.categories for c in study.cells if c.unified}
    odd = {
        f"coreset {ratio_text(cell.coreset)}": cell.coreset != study.coreset(cell.detector),
        f"severity {cell.severity:g}": shifted and cell.severity != study.severity,
        f"domain seed {cell.domain_seed}": shifted and cell.domain_seed != study.domain_seed,
        f"seed {cell.seed}": cell.seed != study.seed,
        f"threshold {cell.threshold}": cell.threshold != study.threshold,
        f"categories {'+'.join(cell.categories)}": len(sets) > 1,
    }
    return ", ".join([cell.detector, cell.condition, *(factor for factor, told in odd.items() if told)])
