"""A table of the report and the numbers in it: levels with intervals, differences with their paired test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from adshift.metrics.balanced import BALANCED
from adshift.metrics.resampling import Difference, Share
from adshift.metrics.summary import Figures
from adshift.report.runs import percent, table

NAMES = {
    "image_auroc": "image AUROC",
    "image_ap": "image AP",
    "pixel_auroc": "pixel AUROC",
    "pixel_ap": "pixel AP",
    "pro_030": "PRO@0.3",
    "pro_005": "PRO@0.05",
    "image_f1": "F1",
    "image_f1_max": "best F1",
    "precision": "precision",
    "recall": "recall",
    "specificity": "specificity",
    "accuracy": "accuracy",
    "false_alarm_rate": "false alarms",
    "pixel_f1": "pixel F1",
    "pixel_f1_max": "best pixel F1",
    "pixel_iou": "pixel IoU",
    BALANCED: "balanced accuracy",
}
RANK = ("image_auroc", "image_ap", "pixel_auroc", "pixel_ap", "pro_030", "pro_005")
MAIN = ("image_auroc", "pixel_auroc", "pro_030")
NONE = "–"
Row = tuple[str, ...]
R = TypeVar("R", bound=Sequence[Any])


@dataclass(frozen=True)
class Table:
    """A table as text.

    Attributes:
        name: of its files, without suffix.
        caption: a sentence or two: what, over what, in which unit.
        header: one title a column; the first ``heads`` columns name the row.
    """

    name: str
    caption: str
    header: Row
    rows: tuple[Row, ...]
    heads: int = 1

    def markdown(self) -> str:
        """The table as Markdown, the caption above it."""
        safe = [[markdown_text(cell) for cell in row] for row in (self.header, *self.rows)]
        return f"{markdown_text(self.caption)}\n\n{table(safe[0], safe[1:])}\n"


def grouped(rows: Sequence[R], last: str = "mean") -> tuple[R, ...]:
    """The rows by their first cell, in the order of its first appearance, ``last`` at the end."""
    order = {name: i for i, name in enumerate(dict.fromkeys(row[0] for row in rows))}
    return tuple(sorted(rows, key=lambda row: (row[0] == last, order[row[0]])))


def markdown_text(text: str) -> str:
    """Text that Markdown shows as it stands: names from folders and files may hold any sign."""
    for sign in "\\`*_[]<>|#":
        if sign in text and not (sign in "[]" and _is_figure(text)):
            text = text.replace(sign, f"\\{sign}")
    return " ".join(text.split())


def _is_figure(text: str) -> bool:
    """A number with its interval, whose brackets are no link."""
    return all(c in "0123456789.,+−- []%" for c in text)


def level(figures: Figures, name: str) -> str:
    """A figure in percent with its interval; the false-alarm rate with its exact one where there is one."""
    exact = name == "false_alarm_rate" and f"{name}_exact_ci" in figures.values
    text = percent(figures.values, name, "_exact_ci" if exact else "_ci")
    return NONE if text == "-" else text


def signed(value: float, digits: int = 1) -> str:
    """A number with its sign, a true minus; 0 where it rounds to 0."""
    text = f"{value:+.{digits}f}"
    return text.lstrip("+-") if float(text) == 0 else text.replace("-", "−")


def gap(difference: Difference | None) -> str:
    """A difference in points with its interval: ``−4.1 [−6.2, −2.0]``."""
    if difference is None or difference.estimate is None:
        return NONE
    text = signed(100 * difference.estimate)
    if difference.interval is None:
        return text
    low, high = (signed(100 * end) for end in difference.interval)
    return f"{text} [{low}, {high}]"


def recovered(share: Share | None) -> str:
    """A recovered share in percent with its interval; ``–`` where there was no drop to recover."""
    if share is None or share.value is None:
        return NONE
    text = whole(share.value)
    return text if share.interval is None else f"{text} [{whole(share.interval[0])}, {whole(share.interval[1])}]"


def whole(share: float) -> str:
    """A share in whole percent, a true minus, no sign on 0."""
    return f"{round(100 * share)}".replace("-", "−")


def ratio_text(coreset: float | None) -> str:
    """A coreset ratio: ``1 %``; ``–`` without one."""
    return NONE if coreset is None else f"{100 * coreset:g} %"


def number(value: Any, digits: int = 1) -> str:
    """A plain number; ``–`` for None."""
    return f"{value:.{digits}f}" if isinstance(value, int | float) else NONE


def at(nested: Mapping[str, Any], *keys: str) -> Any:
    """A value inside nested objects, None where the way breaks off."""
    found: Any = nested
    for key in keys:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found
