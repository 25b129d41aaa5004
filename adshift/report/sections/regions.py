"""What is outlined on good images, beside what the pixel threshold promised."""

from __future__ import annotations

from typing import Any

from adshift.calibration.pixel_rule import IMAGE
from adshift.repairs.worth import promise_broken
from adshift.report.cells import Cell
from adshift.report.document import Section
from adshift.report.runs import percent
from adshift.report.study import Study
from adshift.report.tables import NONE, Row, Table, grouped


def section(study: Study) -> Section | None:
    """Every run that tells it: how many good images have an outline, how much of them is outlined, and SegF1."""
    told = [(c, name, held) for c in study.cells for name, held in c.run.result.get("regions", {}).items()]
    if not told:
        return None
    broken = [held for _, _, held in told if _broken(held)]
    promised = [held for _, _, held in told if _broken(held) is not None]
    findings = (
        f"Shown to be broken: {len(broken)} of {len(promised)} promises of how many good images have an outline.",
    )
    header = ("category", "detector", "condition", "threshold", "pixel rule", "promised", "good images with an outline",
              "verdict", "area", "SegF1")  # fmt: skip
    caption = (
        "Outlines at the calibrated pixel threshold, percent [exact 95 % interval]. Pixel rule: what is promised, and the "
        "smallest region in pixels of the map; area: mean share of a good image's pixels; SegF1: F1 over the pixels of all "
        "test images of what is outlined."
    )
    lead = (
        "image: an outline on a good image is promised to be as rare as a false alarm. area: the mean share of a good "
        "image that is outlined is bounded. pixels: nothing is promised about images."
    )
    table = Table("regions", caption, header, grouped([_row(*each) for each in told]), 4)
    return Section("regions", "Outlines: promised and realised", lead, findings if promised else (), (table,))


def _broken(held: dict[str, Any]) -> bool | None:
    """Whether more good images have an outline than promised, by the exact interval; None where nothing was promised."""
    exact, promised = held.get("outlined_rate_exact_ci"), held.get("promised_rate")
    if held["pixel"] != IMAGE or promised is None or exact is None:
        return None
    return promise_broken(promised, (exact[0], exact[1]))


def _row(cell: Cell, category: str, held: dict[str, Any]) -> Row:
    broken, promised = _broken(held), held.get("promised_rate")
    verdict = NONE if broken is None else "broken" if broken else "not broken"
    return (
        category, cell.detector, cell.condition, cell.threshold, f"{held['pixel']}, {held['region']}",
        NONE if promised is None else f"{100 * promised:.1f}", percent(held, "outlined_rate", "_exact_ci"), verdict,
        percent(held, "outlined_area"), percent(held, "seg_f1"),
    )  # fmt: skip
