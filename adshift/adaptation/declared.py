"""What a regime saw of the target domain, and what it cost: the ``adaptation`` object of result.json."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adshift.adaptation.extension import Extension
from adshift.adaptation.recipe import Recipe
from adshift.data.splits import Split
from adshift.shift.domain import Domain
from adshift.shift.real import real_of


def _is_source(domain: Domain) -> bool:
    """Whether images are as the source's camera gave them: neither changed nor those of another domain."""
    return domain.is_identity and real_of(domain) is None


def _is_plain(recipe: Recipe) -> bool:
    """Whether the model is the one that every line has: fitted once, to images as the camera gave them."""
    return len(recipe.train) == 1 and _is_source(recipe.train[0]) and recipe.correction is None


def _sees(domains: tuple[Domain, ...], target: Domain) -> bool:
    return not _is_source(target) and target in domains


def _seen(recipe: Recipe, split: Split, labels: bool) -> list[tuple[int, str]]:
    """What was seen of the target: the number of images, and their kind in words."""
    found = []
    if _sees(recipe.train, recipe.test):
        found.append((len(split.train), f"{len(split.train)} train normals"))
    normals = sum(s.label == 0 for s in split.calibration)
    if recipe.few is not None:
        found.append((normals, f"{normals} unlabelled normals"))
    elif _sees(recipe.calibration, recipe.test) and split.calibration:
        found.append((normals, f"{normals} calibration normals"))
        if labels and len(split.calibration) > normals:
            anomalies = len(split.calibration) - normals
            found.append((anomalies, f"{anomalies} calibration anomalies with their labels"))
    if recipe.test_time is not None and recipe.test_time.matches:
        found.append((len(split.test), "test batch, unlabelled"))
    return found


def regime_seconds(recipe: Recipe, timing: Mapping[str, float], calibration: float) -> float:
    """What the regime took beyond a clean fit and the scoring of the test images.

    That is the fit where it is not the clean one, the repair, the scoring of calibration images that are not the clean
    ones, and every view of an image but the first; each as it took when it was done, whether the store had it this time
    or not.

    Args:
        recipe: of the run.
        timing: seconds by stage; ``fit`` is absent where a finished run is evaluated.
        calibration: seconds that the calibration images took in their first view.
    """
    own_fit = 0.0 if _is_plain(recipe) else timing.get("fit", 0.0)
    own_calibration = 0.0 if all(_is_source(d) for d in recipe.calibration) and _is_plain(recipe) else calibration
    return own_fit + own_calibration + timing.get("repair", 0.0) + timing.get("views", 0.0)


def declared(
    name: str,
    recipe: Recipe,
    split: Split,
    labels: bool,
    seconds: float,
    model_bytes: int,
    way: Extension | None = None,
) -> dict[str, Any]:
    """The ``adaptation`` object.

    Args:
        name: of the regime.
        recipe: of the run.
        split: the run's images; under ``few`` the calibration role holds the few.
        labels: whether the threshold looks at labels of anomalies.
        seconds: see ``regime_seconds``.
        model_bytes: of everything that was fitted.
        way: how ``few`` extended the model; None where it did not.

    Returns:
        ``regime``; ``target_data`` in words, ``none`` where nothing of the target was seen before its images were
        judged; ``target_images`` and ``simulated_images``, their numbers; ``seconds``; ``bytes`` of the model where the
        regime made another than the clean fit, else 0.
    """
    seen = _seen(recipe, split, labels)
    simulated = (len(recipe.train) - 1) * len(split.train)
    if way is not None:
        simulated += way.copies * len(split.calibration)
    other_model = not _is_plain(recipe) or way is not None
    return {
        "regime": name,
        "target_data": " + ".join(words for _, words in seen) or "none",
        "target_images": sum(count for count, _ in seen),
        "simulated_images": simulated,
        "seconds": seconds,
        "bytes": model_bytes if other_model else 0,
    }


def cautions(recipe: Recipe, split: Split) -> list[str]:
    """What the reader of a threshold should know of the images behind it, a line each."""
    found = []
    views = len(recipe.calibration)
    if views > 1 and split.calibration:
        found.append(
            f"each of the {len(split.calibration)} calibration images is scored in {views} domains and counts as one: the "
            "promised rate is about that mixture"
        )
    return found
