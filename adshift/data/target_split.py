"""Which photographs play which role, where the target is a folder of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adshift.data.samples import CategoryIndex, Sample
from adshift.data.splits import Role, Split, Splitter
from adshift.errors import AdshiftError
from adshift.shift.domain import Domain
from adshift.shift.photos import photos_of


def split_photographs(
    source: Sequence[CategoryIndex],
    photographs: Sequence[CategoryIndex],
    splitter: Splitter,
    domains: Mapping[Role, Sequence[Domain]],
    fits: bool,
) -> Split:
    """The roles of a cell whose target is photographs; each category by itself, in the order given.

    Tested are the photographs of the folder's ``test``, but for the anomalies that the splitter lends to the calibration.
    Where there are none, the good ones that nothing else takes are tested. A role in the target takes every good
    photograph that is not tested, a fit in the target what the splitter gives it of them; the other roles are the
    source's.

    Args:
        source, photographs: the same categories, of the data root and of the folder.
        splitter: divides one category.
        domains: those that each role is seen in.
        fits: whether a fit takes of the photographs; the model of a finished run is there already, whatever made it.

    Returns:
        the split; without a test image where every good photograph is calibrated or fitted on.

    Raises:
        AdshiftError: the regime needs good photographs, and the folder holds none beside those to test on.
    """
    calibrates = photos_of(domains["calibration"][0]) == photos_of(domains["test"][0])
    parts = [_one(own, taken, splitter, fits, calibrates) for own, taken in zip(source, photographs, strict=True)]
    return Split(*(tuple(s for part in parts for s in part.of(role)) for role in ("train", "calibration", "test")))


def _one(own: CategoryIndex, taken: CategoryIndex, splitter: Splitter, fits: bool, calibrates: bool) -> Split:
    pool, part = taken.train_good, splitter(taken)
    if (fits or calibrates) and not pool:
        raise AdshiftError(
            f"the photographs of {taken.category} are all to be tested on, and this regime takes good ones beside them; "
            "put some right in the folder or into its train/good, or use adaptation=none"
        )
    if fits:
        return Split(part.train, part.calibration, part.test)
    born = splitter(own)
    lent = tuple(sample for sample in part.calibration if sample.label)
    calibration: tuple[Sample, ...] = (*pool, *lent) if calibrates else born.calibration
    return Split(born.train, calibration, part.test if part.test or calibrates else pool)
