"""The result of a calibration: one object, written beside the model and replaceable without touching it."""

import math
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Protocol

import numpy as np

from adshift.errors import AdshiftError


@dataclass(frozen=True)
class Calibration:
    """A threshold and what it rests on; the decision is anomalous if score >= threshold.

    Args:
        kind: name of the calibrator.
        parameters: what the calibrator was given, and what it fitted.
        threshold: finite, in the unit of the scores.
        n: how many scores the threshold rests on, at least 1.
        promised_rate: the false-alarm rate that the threshold promises, in [0, 1]; None where it promises
        none. warnings: one line each, for the reader of the result.

    Raises:
        AdshiftError: a value of another type or outside its bounds.
    """

    kind: str
    parameters: dict[str, float | int | str]
    threshold: float
    n: int
    promised_rate: float | None
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _require(isinstance(self.kind, str) and self.kind != "", "kind", self.kind, "a name")
        _require(
            isinstance(self.parameters, dict)
            and all(isinstance(k, str) and _is_parameter(v) for k, v in self.parameters.items()),
            "parameters",
            self.parameters,
            "names with finite numbers or texts",
        )
        _require(_is_finite(self.threshold), "threshold", self.threshold, "a finite number")
        _require(_is_int(self.n) and self.n >= 1, "n", self.n, "a whole number of at least 1")
        rate = self.promised_rate
        _require(rate is None or (_is_finite(rate) and 0 <= rate <= 1), "promised_rate", rate, "null or in [0, 1]")
        _require(
            isinstance(self.warnings, tuple) and all(isinstance(w, str) for w in self.warnings),
            "warnings",
            self.warnings,
            "a tuple of texts",
        )

    def to_json(self) -> dict[str, Any]:
        """A dictionary of plain JSON types; `from_json` gives the equal object back."""
        return {**asdict(self), "warnings": list(self.warnings)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Calibration":
        """The calibration in a dictionary of plain JSON types.

        Raises:
            AdshiftError: not a dictionary, a key missing or unknown, a value of another type or outside its
            bounds.
        """
        if not isinstance(data, dict):
            raise AdshiftError(f"a calibration of type {type(data).__name__} must be a JSON object; calibrate anew")
        expected = {field.name for field in fields(cls)}
        missing, unknown = sorted(expected - data.keys()), sorted(str(key) for key in data.keys() - expected)
        if missing or unknown:
            raise AdshiftError(
                f"calibration keys missing {missing}, unknown {unknown}; it must have exactly {sorted(expected)}"
            )
        _require(isinstance(data["warnings"], list), "warnings", data["warnings"], "a list of texts")
        return cls(**{**data, "warnings": tuple(data["warnings"])})


class Calibrator(Protocol):
    """What turns calibration scores into a threshold."""

    kind: ClassVar[str]
    needs_anomalies: ClassVar[bool]

    def calibrate(self, scores_N: np.ndarray, labels_N: np.ndarray, groups_N: np.ndarray | None = None) -> Calibration:
        """The threshold for N raw scores with labels 0 (normal) and 1 (anomalous).

        ``groups_N``: whole numbers, equal for pictures of one series, over which a promise is then made
        (`adshift.calibration.groups`); None where every picture is a series of its own.
        """
        ...


def _require(holds: bool, name: str, value: object, bound: str) -> None:
    if not holds:
        raise AdshiftError(f"calibration {name}={value!r} must be {bound}; mend the file or calibrate anew")


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_parameter(value: object) -> bool:
    return isinstance(value, str) or _is_finite(value)
