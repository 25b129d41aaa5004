"""A diagnosis as Markdown: three tables and the sentences that they allow."""

from __future__ import annotations

from typing import Any

from adshift.diagnose.components import FIGURES, IGNORED, WHOLE
from adshift.report.runs import table
from adshift.shift.names import CLEAN

LABELS = {"image_auroc": "image AUROC", "pixel_auroc": "pixel AUROC", "pro_030": "PRO@0.3"}


def _points(value: float | None, bounds: list[float] | None) -> str:
    if value is None:
        return "-"
    return f"{100 * value:+.1f}" + (f" [{100 * bounds[0]:+.1f}, {100 * bounds[1]:+.1f}]" if bounds else "")


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.0f} %"


def _component_rows(found: dict[str, Any]) -> list[list[str]]:
    return [
        [row["variant"], *(_value(row, name) for name in FIGURES)]
        for row in found["components"]
    ]  # fmt: skip


def _value(row: dict[str, Any], name: str) -> str:
    value, change = row["figures"][name], row["change"][name]
    shown = "-" if value is None else f"{value:.3f}"
    return shown if row["variant"] == CLEAN else f"{shown}  {_points(change['estimate'], change['ci'])}"


def _place_rows(found: dict[str, Any]) -> list[list[str]]:
    return [
        [name, s["zone"], _percent(s["area"]), _percent(s["maxima"]),
         f"{_percent(s['maxima_ci'][0])} to {_percent(s['maxima_ci'][1])}", _percent(s["alarms"])]
        for name, rows in found["places"].items()
        for s in rows
    ]  # fmt: skip


def findings(found: dict[str, Any]) -> list[str]:
    """What the figures say, a sentence each; nothing where an interval holds the opposite too."""
    said = [f"{change}." for change in found["looks"]]
    if found["culprit"] is not None:
        said.append(f"Alone, the {found['culprit']} family lowers image AUROC most.")
    for share in found["places"].get(WHOLE, []):
        if share["maxima_ci"][0] > share["area"]:
            said.append(
                f"In the shifted domain {_percent(share['maxima'])} of the good images have their highest score in the "
                f"zone “{share['zone']}”, which covers {_percent(share['area'])} of the image."
            )
    rows = {row["variant"]: row["figures"]["image_auroc"] for row in found["components"]}
    mirrored, ignored = rows.get("geometric alone", rows.get(WHOLE)), rows.get(IGNORED)
    if mirrored is not None and ignored is not None and ignored > mirrored:
        said.append(
            f"Where the map is ignored in and near the zone beyond the frame, image AUROC under the geometric family is "
            f"{ignored:.3f} instead of {mirrored:.3f}: so much of the loss is the mirrored border's."
        )
    return said


def markdown(found: dict[str, Any]) -> str:
    """The whole diagnosis; also what the console shows."""
    domain = found["domain"]
    where = f"severity {domain['severity']:g}, seed {domain['seed']}" if found["paired"] else str(domain["root"])
    rows = "Components switched one by one on the fitted model; change against clean, paired 95 % intervals:"
    if not found["paired"]:
        rows = "The photographs against the run's own test images; change with 95 % intervals of independent images:"
    header = ("variant", *(f"{LABELS[name]} (change in points)" for name in FIGURES))
    layers = [[layer, *(f"{value:.3f}" for value in by.values())] for layer, by in found["features"].items()]
    parts = [
        f"## Diagnosis: {found['category']}, {domain['name']} ({where})",
        *(f"- {sentence}" for sentence in findings(found)),
        rows,
        table(header, _component_rows(found)),
        "Where the good images' scores lie (share of the images' maxima, and of the pixels over the pixel threshold):",
        table(("domain", "zone", "area", "maxima", "95 % interval", "alarm pixels"), _place_rows(found)),
        "How far the features of good images moved (mean over channels, in train standard deviations):",
        table(("layer", "clean", "shifted"), layers),
    ]
    return "\n\n".join(parts) + "\n"
