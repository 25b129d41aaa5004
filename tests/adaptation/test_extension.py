"""The ways in which a few pictures may extend a model, and what of them a given key leaves."""

from __future__ import annotations

from pathlib import Path

import pytest

from adshift.adaptation.extension import BANK, STATISTICS, Extension
from adshift.adaptation.few import FewAdaptation
from adshift.adaptation.few_images import DEFECT_SIZES, FewImages
from adshift.config.build import build
from adshift.data.pasted import KINDS
from adshift.data.samples import index_category
from adshift.errors import AdshiftError
from adshift.shift.domain import Domain

OPEN = {"copies": None, "ratio": None, "align": None, "weight": None, "keep": None, "components": None}


def open_keys(**given: object) -> FewImages:
    return FewImages(8, **{**OPEN, **given})  # type: ignore[arg-type]


def test_nothing_given_leaves_all_ways() -> None:
    assert open_keys().extensions(bank=True) == BANK
    assert open_keys().extensions(bank=False) == STATISTICS


def test_a_given_key_is_kept_and_ways_that_are_then_the_same_come_once() -> None:
    found = open_keys(ratio=0.5, copies=0).extensions(bank=True)
    assert {way.ratio for way in found} == {0.5}
    assert {way.copies for way in found} == {0}
    assert [(way.align, way.keep) for way in found] == [("none", 1.0), ("none", 0.25), ("moments", 0.25)]
    assert {way.weight for way in open_keys(copies=3).extensions(bank=False)} == {0.25, 0.5, 0.75, 1.0}


def test_what_is_all_given_or_comes_from_a_run_of_before_is_one_way() -> None:
    given = open_keys(ratio=0.1, align="none", weight=0.25, copies=0, keep=1.0)
    before = FewImages(8, copies=0, ratio=0.1, align="none", weight=0.25)  # such a run has no other keys
    for few in (given, before):
        assert few.extensions(True) == (Extension(),)
    assert before.extensions(False) == (Extension(),)


def test_keys_of_a_memory_bank_are_none_of_gaussians() -> None:
    assert open_keys(weight=0.5, copies=0, align="moments", ratio=1.0).extensions(False) == (Extension(weight=0.5),)
    assert Extension(weight=0.5).told(bank=False) == {"copies": 0, "weight": 0.5}


def test_copies_for_gaussians_of_places_do_not_move_anything() -> None:
    few, before = open_keys(copies=2), FewImages(8, copies=2)
    for bank, moved in ((True, True), (False, False)):
        target, *copies = few.views(Domain("dim"), 2, bank)
        assert (target, len(copies)) == (Domain("dim"), 2)
        assert all(copy.geometric is moved and copy.photometric for copy in copies)
    assert all(copy.geometric for copy in before.views(Domain(), 2, bank=False)[1:])  # as a finished run had it
    own = open_keys(components=["illumination"]).views(Domain(), 1, bank=True)[1]
    assert (own.geometric, own.illumination, own.photometric) == (False, True, False)


def test_each_image_is_pasted_on_once_a_size_with_another_kind(tiny: Path) -> None:
    good = index_category(tiny, "plate").train_good[:5]
    found = open_keys(seed=3).pasted(good)
    assert [[s.path for s in samples] for samples in found] == [[s.path for s in good]] * len(DEFECT_SIZES)
    assert [{s.pasted.size for s in samples if s.pasted} for samples in found] == [{size} for size in DEFECT_SIZES]
    kinds = [[s.pasted.kind for s in samples if s.pasted] for samples in found]
    assert kinds[0] == list(KINDS)
    assert all(len(set(of_one)) == len(DEFECT_SIZES) for of_one in zip(*kinds, strict=True))
    assert found != open_keys(seed=4).pasted(good)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("keep", 0.0, r"few\.keep=0.* must be in \(0, 1\]"),
        ("ratio", 2, r"few\.ratio=2.* must be in \(0, 1\]"),
        ("weight", "much", r"adaptation\.weight=much must be a number"),
        ("copies", 1.5, r"adaptation\.copies=1\.5 must be a whole number"),
        ("components", ["tilt"], r"few\.components=.* must be one or more of: geometric"),
    ],
)
def test_values_of_open_keys_are_checked(key: str, value: object, message: str) -> None:
    node = {"_target_": f"{FewAdaptation.__module__}.FewAdaptation", "k": 8, **OPEN, key: value}
    with pytest.raises(AdshiftError, match=message):
        build(node, "adaptation")
