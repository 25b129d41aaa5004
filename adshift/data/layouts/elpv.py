"""ELPV: solar cells under electroluminescence, mono- and polycrystalline, as the package ``elpv-dataset`` installs them.

Buerhop-Lutz et al., "A Benchmark for Visual Identification of Defective Solar Cells in Electroluminescence Imagery",
EU PVSEC 2018; Deitsch et al., Solar Energy 185, 2019. Layout::

    ROOT/images/cell0001.png     300 x 300 pixels, grey
    ROOT/labels.csv              path, probability of a defect (0, 1/3, 2/3 or 1), mono or poly; separated by blanks

The two materials are its domains. It has no masks and no official division: of the good images (probability 0) of each
material a seeded shuffle gives 70 % to train on and 30 % to test on; those of probability 1 are tested as defective, those
between are tested apart, as ``uncertain_33`` and ``uncertain_67``.
"""

from __future__ import annotations

import random
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from adshift.data.layouts.layout import Layout, Leaf, existing
from adshift.data.samples import GOOD, CategoryIndex, Sample, list_samples
from adshift.errors import AdshiftError

PACKAGE = "elpv-dataset"
MODULE = "elpv_dataset"
CATEGORY = "solar_cells"
LABELS = "labels.csv"
DOMAINS = ("mono", "poly")
SEED = 0
TRAIN_FRACTION = 0.7
KINDS = {0: GOOD, 33: "uncertain_33", 67: "uncertain_67", 100: "defective"}
"""Probability of a defect in percent -> the group of its images."""
REMEDY = f"install the package anew: pip install --force-reinstall {PACKAGE}"


def installed() -> Path:
    """The folder of the installed package's data; nothing of it is imported or copied.

    Raises:
        AdshiftError: it is not installed.
    """
    found = find_spec(MODULE)
    if found is None or not found.submodule_search_locations:
        raise AdshiftError(
            f"data=elpv reads the images of the package {PACKAGE} (90 MB), which is not installed; pip install '.[elpv]' "
            f"brings it, or give a folder that holds images/ and {LABELS}: data.root=FOLDER"
        )
    return Path(found.submodule_search_locations[0]) / "data"


def read_labels(root: Path) -> dict[str, tuple[str, str]]:
    """Each image's group and domain by its path, relative to ``root``. Paths are keys here, and never opened.

    Raises:
        AdshiftError: the list is missing or broken.
    """
    found = {}
    try:
        for line in (root / LABELS).read_text(encoding="utf-8").splitlines():
            if line.strip():
                path, probability, domain = line.split()
                if domain not in DOMAINS:
                    raise ValueError(f"{path} is of {domain}, neither of {' nor of '.join(DOMAINS)}")
                found[path] = (KINDS[round(100 * float(probability))], domain)
    except (OSError, ValueError, KeyError, OverflowError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise AdshiftError(f"{root / LABELS} cannot be read as ELPV's labels ({reason}); {REMEDY}") from error
    return found


def find(root: Path, category: str) -> CategoryIndex:
    """List the solar cells of both domains.

    Raises:
        AdshiftError: the list is broken, or it and the folder do not hold the same images.
    """
    labels = read_labels(root)
    samples = list_samples(root, category, root / "images")
    _require_equal(root, {sample.path for sample in samples}, set(labels))
    told = [replace(s, defect=labels[s.path][0], domain=labels[s.path][1], given="test") for s in samples]
    train, test = _divided([sample for sample in told if sample.label == 0])
    kinds = {kind: tuple(s for s in told if s.defect == kind) for kind in KINDS.values()}
    uncertain = (*kinds[KINDS[33]], *kinds[KINDS[67]])
    return CategoryIndex(category, train, test, kinds[KINDS[100]], uncertain=uncertain)


def _divided(good: list[Sample]) -> tuple[tuple[Sample, ...], tuple[Sample, ...]]:
    """Those to train on and those to test on, each sorted; every domain is shuffled by itself."""
    train: list[Sample] = []
    for domain in DOMAINS:
        own = [sample for sample in good if sample.domain == domain]
        random.Random(SEED).shuffle(own)
        train += own[: int(TRAIN_FRACTION * len(own))]
    trained = {sample.path for sample in train}
    test = tuple(sorted(sample for sample in good if sample.path not in trained))
    return tuple(sorted(replace(sample, given="train") for sample in train)), test


def _require_equal(root: Path, there: set[str], listed: set[str]) -> None:
    for paths, what in (
        (there - listed, f"is in no row of {LABELS}"),
        (listed - there, f"is listed in {LABELS} and not there"),
    ):
        if paths:
            more = f" (and {len(paths) - 1} more)" if len(paths) > 1 else ""
            raise AdshiftError(f"{root}: {min(paths)} {what}{more}; {REMEDY}")


def bases(root: Path, category: str) -> list[Path]:
    """The one folder of images, whatever the category is called."""
    return [root / "images"]


def leaves(base: Path) -> list[Leaf]:
    """All images lie together."""
    return existing(Leaf(base, "nominal"))


ELPV = Layout(
    find,
    (),
    leaves,
    "ELPV",
    (CATEGORY,),
    f"pip install {PACKAGE}, or https://github.com/zae-bayern/elpv-dataset; CC BY-NC-SA 4.0",
    f"images/cell0001.png, ... and {LABELS}",
    bases=bases,
    domains=True,
    masked=False,
    licence=(
        "ELPV's images are licensed CC BY-NC-SA 4.0 (https://creativecommons.org/licenses/by-nc-sa/4.0/): no commercial "
        "use. Cite Buerhop-Lutz et al., EU PVSEC 2018, and Deitsch et al., Solar Energy 2019."
    ),
)
