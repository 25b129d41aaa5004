"""The steps of the regime ``normalise`` in their order, and the train statistics that they work towards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from adshift.correction.foreground import Silhouette, silhouette
from adshift.correction.illumination import flatten, train_terms
from adshift.correction.luminance import GRID, coarse, luma_chroma
from adshift.correction.noise import FLOOR, denoise, noise_sigma
from adshift.correction.pose import Pose, register, train_pose
from adshift.correction.spread import Spread
from adshift.correction.tone import FLOORS, chroma_strength, luma_quantiles, standardise, tone_terms
from adshift.errors import AdshiftError
from adshift.shift.pixels import UInt8


@dataclass(frozen=True)
class Reference:
    """What the train images look like: every statistic that the steps need, as plain numbers.

    Attributes:
        light: GRID x GRID median luma, row by row.
        light_spread: of the light's polynomial terms.
        quantiles, chroma: mean luma quantiles and mean chroma strength.
        tone_spread: of ``tone_terms``.
        noise: spread of log sigma.
        pose: None where the category has none.
    """

    light: tuple[float, ...]
    light_spread: Spread
    quantiles: tuple[float, ...]
    chroma: float
    tone_spread: Spread
    noise: Spread
    pose: Pose | None


def train_reference(images: Iterable[UInt8]) -> Reference:
    """Fit the statistics to the train images, read once and one at a time.

    Raises:
        AdshiftError: there are none.
    """
    coarse_N, quantile_N, strength_N, noise_N = [], [], [], []
    silhouettes: list[Silhouette | None] = []
    for image in images:
        luma, chroma = luma_chroma(image)
        coarse_N.append(coarse(luma))
        quantile_N.append(luma_quantiles(luma))
        strength_N.append(chroma_strength(chroma))
        noise_N.append([np.log(noise_sigma(luma))])
        silhouettes.append(silhouette(image))
    if not coarse_N:
        raise AdshiftError("adaptation=normalise was given 0 train images; it needs at least 1")
    light = np.round(np.median(coarse_N, axis=0), 2).astype(np.float32)
    wanted_Q, wanted = np.mean(quantile_N, axis=0), float(np.mean(strength_N))
    tones = [tone_terms(q, s, wanted_Q.astype(np.float32), wanted) for q, s in zip(quantile_N, strength_N, strict=True)]
    return Reference(
        tuple(light.ravel().tolist()),
        train_terms(np.stack(coarse_N), light),
        tuple(wanted_Q.tolist()),
        wanted,
        Spread.of(tones, FLOORS),
        Spread.of(noise_N, [FLOOR]),
        train_pose(silhouettes),
    )


@dataclass(frozen=True)
class Steps:
    """Which steps act: illumination, contrast and colour, noise, pose."""

    flatten: bool = True
    standardise: bool = True
    denoise: bool = True
    register: bool = True


@dataclass(frozen=True)
class Normalisation:
    """The fitted correction (see ``adshift.data.correction.Correction``): the same for images of every role."""

    steps: Steps
    reference: Reference

    def parts(self) -> dict[str, Any]:
        """See ``Correction``."""
        return {"steps": asdict(self.steps), "reference": asdict(self.reference)}

    def apply(self, image: UInt8, mask: UInt8 | None) -> tuple[UInt8, UInt8 | None]:
        """Light first, then tone, noise as it is after both, and the pose of what is then seen; see ``Correction``."""
        reference = self.reference
        if self.steps.flatten:
            light_GG = np.array(reference.light, np.float32).reshape(GRID, GRID)
            image = flatten(image, light_GG, reference.light_spread)
        if self.steps.standardise:
            quantiles = np.array(reference.quantiles, np.float32)
            image = standardise(image, quantiles, reference.chroma, reference.tone_spread)
        if self.steps.denoise:
            image = denoise(image, reference.noise)
        if self.steps.register and reference.pose is not None:
            image, mask = register(image, mask, reference.pose)
        return image, mask


@dataclass(frozen=True)
class NormalisationRule:
    """The correction before its fit (see ``adshift.data.correction.CorrectionRule``)."""

    steps: Steps

    def settings(self) -> dict[str, Any]:
        """See ``CorrectionRule``."""
        return asdict(self.steps)

    def fit(self, images: Iterable[UInt8]) -> Normalisation:
        """See ``CorrectionRule``."""
        return Normalisation(self.steps, train_reference(images))

    def restored(self, parts: Mapping[str, Any]) -> Normalisation:
        """See ``CorrectionRule``."""
        try:
            return Normalisation(Steps(**parts["steps"]), _reference(parts["reference"]))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise AdshiftError(
                f"the run's correction.json is none of normalise ({type(error).__name__}: {error}); fit the run again with "
                "train.py"
            ) from error


def _numbers(values: Any, count: int | None = None) -> tuple[float, ...]:
    found = tuple(float(value) for value in values)
    if not np.isfinite(found).all() or (count is not None and len(found) != count):
        raise ValueError(f"{len(found)} numbers, not {count} finite ones")
    return found


def _spread(parts: Mapping[str, Any], count: int) -> Spread:
    found = Spread(_numbers(parts["middle"], count), _numbers(parts["width"], count))
    if min(found.width) <= 0:
        raise ValueError("a width that is not above 0")
    return found


def _reference(parts: Mapping[str, Any]) -> Reference:
    from adshift.correction.illumination import DEGREE, polynomials
    from adshift.correction.tone import LEVELS

    pose = parts["pose"]
    return Reference(
        _numbers(parts["light"], GRID * GRID),
        _spread(parts["light_spread"], polynomials(DEGREE, 1).shape[1]),
        _numbers(parts["quantiles"], len(LEVELS)),
        float(parts["chroma"]),
        _spread(parts["tone_spread"], 3),
        _spread(parts["noise"], 1),
        None
        if pose is None
        else Pose(
            _spread(pose["places"], 5),
            None if pose["angle"] is None else float(pose["angle"]),
            float(pose["angle_width"]),
        ),
    )
