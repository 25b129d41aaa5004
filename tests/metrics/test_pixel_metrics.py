"""Pixel figures against brute force, scikit-learn and anomalib."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from sklearn import metrics as sk

from adshift.errors import AdshiftError
from adshift.metrics import pixel
from adshift.metrics.pixel import PixelRanking, pixel_decision, region_sizes


def pro_by_trial(maps, masks, limit):
    """PRO from its definition: one pass over the images for every distinct score."""
    regions = []
    for i, mask in enumerate(masks):
        labelled, count = ndimage.label(mask, structure=np.ones((3, 3)))
        regions += [(i, labelled == r) for r in range(1, count + 1)]
    scores = np.concatenate([each.ravel() for each in maps])
    free = np.concatenate([each.ravel() == 0 for each in masks])
    fpr, pro = [0.0], [0.0]
    for threshold in np.unique(scores)[::-1]:
        fpr.append((scores[free] >= threshold).mean())
        pro.append(np.mean([(maps[i][where] >= threshold).mean() for i, where in regions]))
    fpr, pro = np.array(fpr), np.array(pro)
    keep = fpr <= limit
    end = np.flatnonzero(keep)[-1]
    x, y = fpr[: end + 1], pro[: end + 1]
    if x[-1] < limit:
        slope = (pro[end + 1] - pro[end]) / (fpr[end + 1] - fpr[end])
        x, y = np.append(x, limit), np.append(y, pro[end] + slope * (limit - fpr[end]))
    return np.trapezoid(y, x) / limit


@st.composite
def labelled_maps(draw):
    """A few small maps with ties, with masks that hold at least one defect and one defect-free pixel."""
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    levels = draw(st.sampled_from([3, 12, 10**6]))
    shapes = draw(st.lists(st.tuples(st.integers(2, 7), st.integers(2, 7)), min_size=1, max_size=4))
    maps = [generator.integers(-levels, levels, shape).astype(np.float32) for shape in shapes]
    masks = [(generator.random(shape) < generator.choice([0.0, 0.3])).astype(np.uint8) for shape in shapes]
    masks[0].flat[0], masks[0].flat[-1] = 1, 0
    return maps, masks


@settings(max_examples=120, deadline=None)
@given(labelled_maps(), st.sampled_from([0.05, 0.3, 0.5, 1.0]))
def test_pixel_figures_equal_brute_force(data, limit):
    maps, masks = data
    ranking = PixelRanking.from_maps(maps, masks)
    scores, labels = (np.concatenate([each.ravel() for each in part]) for part in data)
    assert ranking.pro(limit) == pytest.approx(pro_by_trial(maps, masks, limit), abs=1e-9)
    assert ranking.auroc() == pytest.approx(sk.roc_auc_score(labels, scores), abs=1e-9)
    assert ranking.average_precision() == pytest.approx(sk.average_precision_score(labels, scores), abs=1e-9)
    trials = [sk.f1_score(labels, scores >= threshold) for threshold in np.unique(scores)]
    assert ranking.best_f1() == pytest.approx(max(trials), abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(labelled_maps(), st.integers(1, 40))
def test_chunks_change_nothing(data, chunk):
    whole = PixelRanking.from_maps(*data)
    kept = pixel.CHUNK
    try:
        pixel.CHUNK = chunk
        pieces = PixelRanking.from_maps(*data)
    finally:
        pixel.CHUNK = kept
    assert pieces.negatives == whole.negatives
    np.testing.assert_array_equal(pieces.above_K, whole.above_K)
    np.testing.assert_array_equal(pieces.upto_K, whole.upto_K)


def blobs(images=12, side=64, seed=0):
    """Smooth maps raised over part of a few discs; some images are good."""
    generator = np.random.default_rng(seed)
    rows, columns = np.mgrid[:side, :side]
    masks = np.zeros((images, side, side), np.uint8)
    maps = ndimage.gaussian_filter(generator.normal(size=(images, side, side)), (0, 3, 3)) * 10
    for i in range(0, images, 2):
        for _ in range(3):
            y, x, radius = *generator.integers(8, side - 8, 2), int(generator.integers(2, 8))
            masks[i] |= (rows - y) ** 2 + (columns - x) ** 2 <= radius**2
            maps[i] += generator.gamma(2.0) * np.exp(-((rows - y) ** 2 + (columns - x - 2) ** 2) / (2 * radius**2))
    return maps, masks


@pytest.mark.parametrize(("scale", "offset"), [(1.0, 0.0), (1e5, 5e5), (1e2, -1e4), (0.05, 0.5)])
@pytest.mark.parametrize("limit", [0.3, 0.05])
def test_figures_equal_anomalib_and_scikit_learn_in_any_range(scale, offset, limit):
    from anomalib.metrics.aupro import _AUPRO

    maps, masks = blobs()
    maps = (maps * scale + offset).astype(np.float32)
    aupro = _AUPRO(fpr_limit=limit)
    aupro.update(torch.from_numpy(maps), torch.from_numpy(masks))
    ranking = PixelRanking.from_maps(list(maps), list(masks))
    assert 0.1 < ranking.pro(limit) < 0.99
    assert ranking.pro(limit) == pytest.approx(float(aupro.compute()), abs=1e-6)
    assert ranking.auroc() == pytest.approx(sk.roc_auc_score(masks.ravel(), maps.ravel()), abs=1e-6)
    assert ranking.average_precision() == pytest.approx(
        sk.average_precision_score(masks.ravel(), maps.ravel()), abs=1e-6
    )


def test_offset_and_scale_change_no_pixel_rank_figure():
    maps, masks = blobs()
    maps = np.round(maps * 64) / 64  # exact under the offset and the scale
    plain, moved = PixelRanking.from_maps(maps, masks), PixelRanking.from_maps(maps * 256 - 4096, masks)
    assert plain.auroc() == moved.auroc()
    assert plain.average_precision() == moved.average_precision()
    assert plain.pro(0.3) == moved.pro(0.3)
    assert plain.best_f1() == moved.best_f1()


def test_good_images_count_in_the_false_positive_rate():
    maps, masks = blobs()
    defective = masks.any(axis=(1, 2))
    everything = PixelRanking.from_maps(maps, masks).pro(0.3)
    louder = np.where(defective[:, None, None], maps, maps + 100)
    assert PixelRanking.from_maps(louder, masks).pro(0.3) < everything
    without = PixelRanking.from_maps(maps[defective], masks[defective])
    assert without.negatives < PixelRanking.from_maps(maps, masks).negatives


def test_a_mask_of_none_is_a_mask_of_zeros():
    maps, masks = blobs()
    partly = [mask if mask.any() else None for mask in masks]
    assert PixelRanking.from_maps(maps, partly).pro(0.3) == PixelRanking.from_maps(maps, masks).pro(0.3)
    assert pixel_decision(maps, partly, 1.0) == pixel_decision(maps, masks, 1.0)


def test_the_regions_are_those_of_all_images():
    maps, masks = blobs()
    assert PixelRanking.from_maps(maps, masks).regions == sum(ndimage.label(m, np.ones((3, 3)))[1] for m in masks)


def test_regions_join_over_corners():
    mask = np.array([[1, 0, 0, 0], [0, 1, 0, 9], [0, 0, 0, 9]], np.uint8)
    assert region_sizes(mask).tolist() == [[2, 0, 0, 0], [0, 2, 0, 2], [0, 0, 0, 2]]


def test_without_one_class_the_figures_are_none():
    maps = [np.arange(6, dtype=np.float32).reshape(2, 3)]
    for mask in (np.zeros((2, 3)), np.ones((2, 3))):
        ranking = PixelRanking.from_maps(maps, [mask])
        assert [ranking.auroc(), ranking.average_precision(), ranking.best_f1(), ranking.pro(0.3)] == [None] * 4
    assert pixel_decision(maps, [None], 3.0) == {"pixel_f1": None, "pixel_iou": None}
    assert pixel_decision(maps, [np.ones((2, 3))], 99.0) == {"pixel_f1": 0.0, "pixel_iou": 0.0}


def test_pixel_decision_equals_scikit_learn_with_a_threshold_an_image():
    maps, masks = blobs()
    thresholds = np.linspace(-0.5, 1.5, len(maps))
    called, labels = (maps >= thresholds[:, None, None]).ravel(), masks.ravel()
    found = pixel_decision(maps, masks, thresholds)
    assert found["pixel_f1"] == pytest.approx(sk.f1_score(labels, called))
    assert found["pixel_iou"] == pytest.approx(sk.jaccard_score(labels, called))


def test_the_pixel_at_the_threshold_is_a_defect():
    maps, masks = [np.array([[1.0, 2.0, 3.0]], np.float32)], [np.array([[0, 1, 1]])]
    assert pixel_decision(maps, masks, 2.0) == {"pixel_f1": 1.0, "pixel_iou": 1.0}


def test_bad_maps_are_named():
    maps, masks = blobs(2)
    with pytest.raises(AdshiftError, match="does not fit its map"):
        PixelRanking.from_maps(maps, [masks[0][:5], masks[1]])
    for image in (0, 1):  # with and without a defect
        broken = maps.copy()
        broken[image, 3, 3] = np.nan
        with pytest.raises(AdshiftError, match="NaN"):
            PixelRanking.from_maps(broken, masks)
    with pytest.raises(AdshiftError, match="at least one"):
        PixelRanking.from_maps([], [])


def test_maps_are_left_as_they_were():
    maps, masks = blobs()
    before = maps.copy()
    PixelRanking.from_maps(maps, masks)
    np.testing.assert_array_equal(maps, before)
