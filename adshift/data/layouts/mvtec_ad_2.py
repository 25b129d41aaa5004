"""MVTec AD 2 (Heckler-Kram et al., arXiv:2503.21622, 2025): eight objects, each test part photographed in several lights.

Layout::

    ROOT/CATEGORY/train/good/NUMBER_regular.png
    ROOT/CATEGORY/validation/good/NUMBER_regular.png
    ROOT/CATEGORY/test_public/good/NUMBER_LIGHT.png, test_public/bad/NUMBER_LIGHT.png
    ROOT/CATEGORY/test_public/ground_truth/bad/NUMBER_LIGHT_mask.png

LIGHT is ``regular``, ``overexposed``, ``underexposed``, ``shift_1`` and so on; which ones there are is read off the file
names. ``test_private`` and ``test_private_mixed`` have no public labels, and are left to ``predict.py``.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path, PurePosixPath

from adshift.data.layouts.layout import Layout, Leaf, existing
from adshift.data.samples import CategoryIndex, Sample, list_samples
from adshift.shift.lighting import REGULAR

CATEGORIES = ("can", "fabric", "fruit_jelly", "rice", "sheet_metal", "vial", "wallplugs", "walnuts")


def light_of(path: str) -> str:
    """The light that a file's name tells; regular where it tells none.

    >>> light_of("can/test_public/good/003_shift_1.png"), light_of("can/train/good/003.png")
    ('shift_1', 'regular')
    """
    return PurePosixPath(path).stem.partition("_")[2] or REGULAR


def _lit(samples: tuple[Sample, ...]) -> tuple[Sample, ...]:
    return tuple(replace(sample, domain=light_of(sample.path)) for sample in samples)


def find(root: Path, category: str) -> CategoryIndex:
    """List an object's images in every light; lists may be empty."""
    base = root / category
    test = base / "test_public"
    return CategoryIndex(
        category,
        _lit(list_samples(root, category, base / "train" / "good")),
        _lit(list_samples(root, category, test / "good")),
        _lit(list_samples(root, category, test / "bad", "bad", test / "ground_truth" / "bad")),
        _lit(list_samples(root, category, base / "validation" / "good")),
    )


def leaves(base: Path) -> list[Leaf]:
    """The labelled parts."""
    test = base / "test_public"
    return existing(
        Leaf(base / "train" / "good", "nominal"),
        Leaf(base / "validation" / "good", "nominal"),
        Leaf(test / "good", "nominal"),
        Leaf(test / "bad", "defective"),
        Leaf(test / "ground_truth" / "bad", "masks"),
    )


MVTEC_AD_2 = Layout(
    find,
    ("train", "validation", "test_public", "test_public/ground_truth"),
    leaves,
    "MVTec AD 2",
    CATEGORIES,
    "https://www.mvtec.com/company/research/datasets/mvtec-ad-2, mvtec_ad_2.tar.gz; CC BY-NC-SA 4.0",
    "CATEGORY/train/good, validation/good, test_public/good, test_public/bad, test_public/ground_truth/bad",
    left=("test_private", "test_private_mixed"),
    domains=True,
)
