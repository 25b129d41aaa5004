"""The shape of a result.json: what every reader of a finished run may rely on, whoever wrote the file.

Keys that no reader asks for are not told here, and may be anything. Those that came with a later version have a default,
so that the runs of earlier ones are read.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from adshift.errors import AdshiftError
from adshift.metrics.summary import FIGURES

ROUNDING = 1e-6
"""A share that was computed in floating point may lie this far over 1."""
MOST = 1e15
"""Seconds, megabytes, images: more is nothing that was measured."""
SHOWN = 60
"""Of a value that is quoted, in characters."""

Share = Annotated[float, Field(ge=0, le=1 + ROUNDING)]
Interval = Annotated[list[Share], Field(min_length=2, max_length=2)]
Amount = Annotated[float, Field(ge=0, le=MOST)]
Count = Annotated[int, Field(ge=0, le=MOST)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Node = dict[str, Any]
Names = Annotated[list[str], Field(min_length=1)]


class Part(BaseModel):
    """Values are taken as they stand: a text is no number, and a truth value neither."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False, extra="allow")


class MethodNode(Part):
    """``config.method``."""

    name: str
    coreset_ratio: Share | None = None


class DataNode(Part):
    """``config.data``."""

    name: str
    categories: Names
    root: str
    source: str = ""
    folder: str = ""
    domain: str = ""


class DomainNode(Part):
    """``config.domain``."""

    name: str
    severity: Amount = 1.0
    seed: Seed = 0


class AdaptationNode(Part):
    """``config.adaptation``."""

    parts: list[Node] = []


class ThresholdNode(Part):
    """``config.threshold``."""

    scope: str = "category"


class Config(Part):
    """The configuration that a run was made by; the classes that its nodes name check the rest when they are built."""

    method: MethodNode
    data: DataNode
    domain: DomainNode
    adaptation: AdaptationNode
    threshold: ThresholdNode
    seed: Seed = 0
    save_maps: bool = False
    run: str = ""
    born: str = ""


Values = dict[str, Share | Interval | None]


def _check_figures(values: Values) -> None:
    missing = [name for name in FIGURES if name not in values]
    if missing:
        raise ValueError(f"no {', '.join(missing)}")
    for name, value in values.items():
        if value is not None and isinstance(value, list) != name.endswith("_ci"):
            raise ValueError(f"{name} is {'an interval' if isinstance(value, list) else 'no interval'}")


class Metrics(Part):
    """Figures of each category, their mean, and all images as one set where there are several categories."""

    categories: Annotated[dict[str, Values], Field(min_length=1)]
    macro: Values
    pooled: Values | None = None

    @model_validator(mode="after")
    def _whole(self) -> Metrics:
        for values in (*self.categories.values(), self.macro):
            _check_figures(values)
        if self.pooled is not None:
            _check_figures(self.pooled)
        if ("pooled" in self.model_fields_set) != (self.pooled is not None) or (
            len(self.categories) > 1 and self.pooled is None
        ):
            raise ValueError("pooled is no set of figures")
        return self


class Threshold(Part):
    """A threshold with its promise."""

    kind: str
    value: Annotated[float, Field(ge=-3.5e38, le=3.5e38)]
    promised_rate: Share | None


class Counts(Part):
    """Images of a category by role."""

    train: Count
    test_normal: Count
    test_anomalous: Count


class Memory(Part):
    """What the model and the process took."""

    bank_vectors: Count | None = None
    bank_mb: Amount | None = None


class Adaptation(Part):
    """What a regime saw of the target domain, and what it cost."""

    regime: str
    target_images: Count = 0
    seconds: Amount = 0.0
    bytes: Count = 0


class Provenance(Part):
    """Where a run comes from."""

    device: str | None = None
    weights: str | None = None
    checkpoint_sha256: str | None = None
    base_sha256: str | None = None
    packages: Node = {}
    seeds: Node = {}


class Alarms(Part):
    """False alarms of one category under the threshold of another."""

    rate: Share | None


class Unified(Part):
    """One model over several categories."""

    foreign_matches: dict[str, dict[str, Share | dict[str, Share] | None]] | None = None
    cross_threshold: dict[str, dict[str, dict[str, Alarms]]] = {}

    @model_validator(mode="after")
    def _square(self) -> Unified:
        for role, matrix in self.cross_threshold.items():
            if any(row.keys() != matrix.keys() for row in matrix.values()):
                raise ValueError(f"{role} is no square matrix")
        for category, found in (self.foreign_matches or {}).items():
            if any(isinstance(value, dict) != (name == "from") for name, value in found.items()):
                raise ValueError(f"foreign_matches.{category} holds no shares")
        return self


class Uncertain(Part):
    """Images that are neither good nor defective."""

    images: Count
    called_anomalous: Count | None = None
    rate: Share | None = None
    rate_exact_ci: Interval | None = None


class Regions(Part):
    """What is outlined on the test images of a category."""

    pixel: str
    region: Count
    promised_rate: Share | None = None
    good_images: Count
    outlined: Count
    outlined_rate: Share | None = None
    outlined_rate_exact_ci: Interval | None = None
    outlined_area: Share | None = None
    seg_f1: Share | None = None


class Result(Part):
    """A finished run."""

    config: Config
    metrics: Metrics
    threshold: dict[str, Threshold]
    pixel_threshold: dict[str, Threshold] = {}
    counts: dict[str, Counts]
    timing: dict[str, Amount | dict[str, Amount] | None]
    adaptation: Adaptation
    memory: Memory
    provenance: Provenance
    warnings: list[str]
    unified: Unified = Unified()
    uncertain: dict[str, dict[str, Uncertain]] = {}
    regions: dict[str, Regions] = {}


def brief(value: Any) -> str:
    """A value as a message quotes it."""
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def check_shape(result: dict[str, Any], path: Path) -> None:
    """Refuse a result.json that some other program wrote: a part is missing, of another kind or out of its bounds.

    Args:
        result: what the file holds.
        path: the file, for the message.

    Raises:
        AdshiftError: names the first such part and its value.
    """
    try:
        Result.model_validate(result)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        place = ".".join(map(str, first["loc"]))
        held = "" if first["type"] == "missing" else f"={brief(first['input'])}"
        raise AdshiftError(
            f"{path} is not as adshift writes it ({place}{held}: {first['msg']}); run the cell again"
        ) from error
