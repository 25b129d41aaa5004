"""Pixel thresholds by each rule: what they are calibrated on, what they promise, and what comes of it on test images."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from adshift.calibration.conformal import Conformal
from adshift.calibration.crossfit import crossfit_calibration
from adshift.calibration.evt import EVT
from adshift.calibration.f1 import F1
from adshift.calibration.pixel_rule import AREA, IMAGE, PIXELS, PLAIN, PixelRule
from adshift.calibration.quantile import Quantile
from adshift.calibration.regions import region_score
from adshift.calibration.sigma import Sigma
from adshift.calibration.thresholds import Thresholds
from adshift.data.samples import Sample
from adshift.errors import AdshiftError
from adshift.stages.calibrate import calibrate, with_left_out
from adshift.stages.outlines import realised
from adshift.stages.scored import ScoredImages

SIDE = 24


def scored(good: int, bad: int = 0, seed: int = 0, masks: bool = True, side: int = SIDE) -> ScoredImages:
    """Smooth noise of a level of its own each image, as anomaly maps are; a square of 6 is raised in a bad one."""
    generator = np.random.default_rng(seed)
    samples, maps, truth = [], [], []
    for i in range(good + bad):
        label = int(i >= good)
        map_HW = cv2.GaussianBlur(generator.normal(0, 1, (side, side)), (0, 0), 1.5) + generator.exponential(0.3)
        mask = np.zeros((side, side), np.uint8)
        if label:
            mask[8:14, 8:14] = 1
            map_HW[8:14, 8:14] += 2.5
        defect = "bad" if label else "good"
        samples.append(Sample(f"plate/test/{defect}/{i:03}.png", "plate", defect))
        maps.append(map_HW.astype(np.float32))
        truth.append(mask if masks or not label else None)
    score_N = np.array([m.max() for m in maps], np.float64)
    return ScoredImages(tuple(samples), score_N, maps, truth, None)


def region_scores(images: ScoredImages, region: int) -> np.ndarray:
    return np.array([region_score(m, region) for m in images.maps], np.float32)


def made(images: ScoredImages, rule: PixelRule, calibrator: object = None, **more: object) -> Thresholds:
    return calibrate(calibrator or Conformal(0.1), "category", ("plate",), images, rule=rule, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("calibrator", [Conformal(0.1), Quantile(0.1), EVT(0.1), Sigma(2.0), F1()])
def test_image_is_the_runs_own_rule_on_the_region_scores(calibrator: object) -> None:
    images = scored(60, 12)
    found = made(images, PixelRule(IMAGE, 5, SIDE), calibrator).pixel["plate"]
    assert found == calibrator.calibrate(region_scores(images, 5), images.label_N, images.group_N)  # type: ignore[attr-defined]


def test_with_a_region_of_one_pixel_it_is_the_image_threshold_of_the_maps_maximum() -> None:
    found = made(scored(40), PixelRule(IMAGE, 1, SIDE))
    assert found.pixel["plate"].threshold == pytest.approx(found.image["plate"].threshold)


def test_pixels_is_the_rule_on_the_pixels_of_good_images() -> None:
    images = scored(12, 3)
    found = made(images, PLAIN).pixel["plate"]
    pixels = np.concatenate([m.ravel() for m in images.maps[:12]])
    assert found == Conformal(0.1).calibrate(pixels, np.zeros(pixels.size, int))


def test_the_promise_of_an_outline_is_kept_where_that_of_pixels_means_nothing_to_a_person() -> None:
    """The share of new good images with an outline, over many calibration sets of 29; pixels: most of them have one."""
    outlined = {IMAGE: 0, PIXELS: 0}
    for seed in range(30):
        images = scored(59, seed=seed)
        for kind, rule in ((IMAGE, PixelRule(IMAGE, 4, SIDE)), (PIXELS, PLAIN)):
            found = made(images.select(np.arange(59) < 29), rule)
            outlined[kind] += realised(images.select(np.arange(59) >= 29), found, ("plate",))["plate"]["outlined"]
    rates = {kind: count / 900 for kind, count in outlined.items()}
    assert 0.05 < rates[IMAGE] < 0.15  # 0.1 promised
    assert rates[PIXELS] > 0.4


def test_the_promises_and_warnings_of_few_images_are_the_image_rules() -> None:
    found = made(scored(8), PixelRule(IMAGE, 4, SIDE))
    assert found.pixel["plate"].promised_rate == found.image["plate"].promised_rate == pytest.approx(1 / 9)
    assert found.pixel["plate"].warnings == found.image["plate"].warnings


@pytest.mark.parametrize("kind", [IMAGE, AREA])
def test_pictures_of_a_series_count_as_one(kind: str) -> None:
    images = scored(40)
    series = tuple(replace(s, group=f"plate {i // 4}") for i, s in enumerate(images.samples))
    found = made(replace(images, samples=series), PixelRule(kind, 4, SIDE)).pixel["plate"]
    assert (found.parameters["groups"], found.promised_rate) == (10, 0.1)
    short = made(replace(images, samples=series).select(np.arange(40) < 32), PixelRule(kind, 4, SIDE)).pixel["plate"]
    assert short.promised_rate == pytest.approx(1 / 9)
    assert "8 groups of 32 normals cannot promise alpha=0.1" in short.warnings[0]


@pytest.mark.parametrize("rule", [PixelRule(IMAGE, 4, SIDE), PixelRule(AREA, 4, SIDE)])
def test_folds_and_left_out_models_are_told(rule: PixelRule) -> None:
    images = scored(20)
    for found in (made(images, rule, folds=5), made(images, rule, left_out=True)):
        parameters, warnings = found.pixel["plate"].parameters, found.pixel["plate"].warnings
        assert parameters["folds"] in (5, 20)
        assert any("approximate" in w for w in warnings)
    if rule.kind == IMAGE:
        assert made(images, rule, folds=5).pixel["plate"] == crossfit_calibration(
            Conformal(0.1), region_scores(images, 4), 5, images.group_N
        )


@pytest.mark.parametrize("kind", [IMAGE, AREA])
def test_an_image_that_calibrates_and_is_tested_is_outlined_by_the_others_threshold(kind: str) -> None:
    images, rule = scored(15), PixelRule(kind, 3, SIDE)
    part = Conformal(0.2), "category", ("plate",), images
    found = with_left_out(made(images, rule, Conformal(0.2)), *part, 0)
    assert set(found.left_out_pixel) == {s.path for s in images.samples}
    for i in (0, 7):
        rest = made(images.select(np.arange(15) != i), rule, Conformal(0.2)).pixel["plate"].threshold
        assert found.pixel_threshold("plate", images.samples[i].path) == rest
    assert found.pixel_threshold("plate") == found.pixel["plate"].threshold


def test_what_is_realised_is_what_is_drawn() -> None:
    """Counted anew, pixel by pixel, with the regions found by scipy."""
    from scipy import ndimage

    images = replace(scored(20, 6, seed=4), nearest_image_NP=None)
    found = made(images.select(np.arange(26) < 14), PixelRule(IMAGE, 9, SIDE), Conformal(0.2))
    threshold = found.pixel["plate"].threshold
    drawn = []
    for map_HW in images.maps:
        labels, count = ndimage.label(map_HW >= threshold, np.ones((3, 3)))
        drawn.append(np.isin(labels, [i + 1 for i in range(count) if (labels == i + 1).sum() >= 9]))
    told = realised(images, found, ("plate",))["plate"]
    assert (told["pixel"], told["region"], told["promised_rate"], told["good_images"]) == (IMAGE, 9, 0.2, 20)
    assert told["outlined"] == sum(d.any() for d in drawn[:20])
    assert told["outlined_rate"] == told["outlined"] / 20
    assert told["outlined_area"] == pytest.approx(np.mean([d.mean() for d in drawn[:20]]))
    truth = np.stack([m for m in images.masks if m is not None]) > 0
    called = np.stack(drawn)
    hits, wrong = (called & truth).sum(), (called ^ truth).sum()
    assert told["seg_f1"] == pytest.approx(2 * hits / (2 * hits + wrong))


def test_without_masks_a_rule_of_good_images_outlines_all_the_same() -> None:
    images = scored(20, 6, masks=False)
    told = realised(images, made(images, PixelRule(IMAGE, 9, SIDE)), ("plate",))["plate"]
    assert told["seg_f1"] is None
    assert told["outlined_rate"] is not None
    assert made(images, PLAIN, F1()).pixel == {}
    assert realised(images, made(images, PLAIN, F1()), ("plate",)) == {}


def test_a_region_is_the_same_share_of_a_map_of_another_size() -> None:
    """With metrics.resolution=original maps have the size of their masks; predict.py has the model's."""
    rule = PixelRule(IMAGE, 16, 224)
    assert [rule.region_in(shape) for shape in ((224, 224), (448, 448), (112, 224), (10, 10))] == [16, 64, 8, 1]
    images = scored(20, side=48)
    found = made(images, PixelRule(IMAGE, 4, SIDE)).pixel["plate"]
    assert found == Conformal(0.1).calibrate(region_scores(images, 16), images.label_N, images.group_N)


def test_thresholds_are_read_back_and_those_of_earlier_runs_are_as_they_were() -> None:
    found = made(scored(20), PixelRule(IMAGE, 9, SIDE))
    held = found.to_json({})
    assert Thresholds.from_json(held) == found
    del held["pixel_rule"]
    assert Thresholds.from_json(held).pixel_rule == PLAIN == PixelRule(PIXELS, 1)


@pytest.mark.parametrize(
    "rule", [[], {"kind": "dots"}, {"region": 0}, {"region": 2.5}, {"region": True}, {"side": -1}, {"colour": 1}]
)
def test_a_pixel_rule_that_is_none_is_refused(rule: object) -> None:
    with pytest.raises(AdshiftError):
        Thresholds.from_json({"image": {}, "pixel": {}, "pixel_rule": rule})
