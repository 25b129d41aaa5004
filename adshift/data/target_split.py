"""Which images play which role, where the target is a real domain: it has images of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from adshift.data.domains import tested_alone
from adshift.data.samples import CategoryIndex, Sample
from adshift.data.splits import Split, Splitter, pooled, split_all
from adshift.errors import AdshiftError
from adshift.shift.named import Named
from adshift.shift.photos import Photos
from adshift.shift.real import Real

Images = Callable[[Real | None], Sequence[CategoryIndex]]
"""What gives the images of a real domain, or the source's own for None: the same categories, in one order."""


def split_in_domains(
    images: Images, splitter: Splitter, fitted: Real | None, calibrated: Real | None, tested: Real | None, regime: str
) -> Split:
    """The roles of a cell by the domains that its images are of; each category is divided by itself.

    Where fit and test are in one domain the splitter divides its images. Else the target's images to test on are tested,
    but for the anomalies that the splitter lends to the calibration; where there are none, its good ones that do not
    calibrate are tested. A calibration in the target takes every good image of it that is not tested; the other roles are
    those that the splitter gives in the domain of the fit. No image has two roles.

    Args:
        images: of each domain.
        splitter: divides one category.
        fitted, calibrated, tested: the real domain of each role, None for the source's own.
        regime: its name, for the message.

    Returns:
        the split; without a test image where every good image of the target calibrates.

    Raises:
        AdshiftError: the target has no good images for a regime that takes some, or its test images are to calibrate.
    """
    target = images(tested)
    if tested is not None and tested in (fitted, calibrated):
        _require_good(target, tested, regime)
    if tested == fitted:
        return split_all(target, splitter)
    apart = isinstance(fitted, Photos) or isinstance(tested, Photos)
    parts = zip(images(fitted), target, strict=True)
    split = pooled([_one(own, other, splitter, calibrated == tested, apart) for own, other in parts])
    _require_strangers(target, split)
    return split


def _one(own: CategoryIndex, other: CategoryIndex, splitter: Splitter, calibrates: bool, apart: bool) -> Split:
    """``apart``: the two lie in folders of their own, where one path names two images."""
    born, part = splitter(own), splitter(other)
    fitted: set[Sample] = set() if apart else set(born.train)
    good = tuple(s for s in (*other.train_good, *other.validation_good) if s not in fitted)
    lent = tuple(sample for sample in part.calibration if sample.label)
    calibration: tuple[Sample, ...] = (*good, *lent) if calibrates else born.calibration
    tested = part.test if part.test or calibrates else good
    given = fitted | (set(calibration) if calibrates or not apart else set())
    return Split(born.train, calibration, tuple(s for s in tested if s not in given), other.uncertain)


def _require_good(target: Sequence[CategoryIndex], real: Real, regime: str) -> None:
    """Refuse a regime that fits or calibrates in a real domain without good images beside those to test on."""
    for index in target:
        alone = ", ".join(tested_alone(index)) if isinstance(real, Named) else ""
        if alone or not (index.train_good or index.validation_good):
            raise AdshiftError(
                f"the good images of {index.category} in {alone or real.told} are all to be tested on, and "
                f"adaptation={regime} takes some beside them; add some (right in a folder of photographs, or in "
                "train/good), or use adaptation=none"
            )


def _require_strangers(target: Sequence[CategoryIndex], split: Split) -> None:
    """Refuse a split that calibrates on the very parts that it tests in another domain.

    Where a domain has images to test on alone, they show the parts of the source's test set once more.
    """
    lent = [sample for sample in split.calibration if sample.label]
    for index in target:
        again = ", ".join(tested_alone(index))
        if lent and again:
            raise AdshiftError(
                f"this split lends test images of {index.category} to the calibration, and in {again} the same parts are "
                "tested; use split=standard or split=official, with a threshold that needs normal images alone"
            )
