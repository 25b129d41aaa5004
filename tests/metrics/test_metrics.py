"""Image rank and decision figures, curves, seeds, and the summary."""

import json
import math

import numpy as np
import pytest
from helpers.scored import scored
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as sk

from adshift.errors import AdshiftError
from adshift.metrics.comparison import compare
from adshift.metrics.curves import area_to_limit
from adshift.metrics.decision import decide, decision_metrics
from adshift.metrics.ranking import auroc, average_precision, best_f1
from adshift.metrics.resampling import resample
from adshift.metrics.seeds import aggregate
from adshift.metrics.summary import FIGURES, figures, macro

CONTRACT = [
    "image_auroc",
    "image_ap",
    "image_f1",
    "precision",
    "recall",
    "specificity",
    "accuracy",
    "pixel_auroc",
    "pixel_ap",
    "pro_030",
    "pro_005",
    "pixel_f1",
    "false_alarm_rate",
]


@st.composite
def ranked(draw):
    """Scores with many ties and labels of both classes."""
    n = draw(st.integers(2, 40))
    scores = draw(st.lists(st.integers(-5, 5), min_size=n, max_size=n))
    labels = draw(st.lists(st.integers(0, 1), min_size=n, max_size=n).filter(lambda each: 0 < sum(each) < n))
    return np.array(scores, np.float64), np.array(labels)


def best_f1_by_trial(scores, labels):
    return max(sk.f1_score(labels, scores >= threshold) for threshold in np.unique(scores))


@settings(max_examples=60, deadline=None)
@given(ranked())
def test_rank_figures_equal_scikit_learn_with_ties(data):
    scores, labels = data
    assert auroc(scores, labels) == pytest.approx(sk.roc_auc_score(labels, scores), abs=1e-12)
    assert average_precision(scores, labels) == pytest.approx(sk.average_precision_score(labels, scores), abs=1e-12)
    assert best_f1(scores, labels) == pytest.approx(best_f1_by_trial(scores, labels), abs=1e-12)


@settings(max_examples=30, deadline=None)
@given(ranked(), st.integers(0, 10**6))
def test_weights_count_an_image_again(data, seed):
    scores, labels = data
    weights = np.random.default_rng(seed).integers(1, 4, len(scores))
    again = np.repeat(scores, weights), np.repeat(labels, weights)
    assert auroc(scores, labels, weights) == pytest.approx(sk.roc_auc_score(again[1], again[0]), abs=1e-12)
    assert average_precision(scores, labels, weights) == pytest.approx(
        sk.average_precision_score(again[1], again[0]), abs=1e-12
    )
    assert best_f1(scores, labels, weights) == pytest.approx(best_f1_by_trial(*again), abs=1e-12)


@pytest.mark.parametrize(("offset", "scale"), [(0.0, 1e-3), (1e6, 1.0), (-1e3, 1.0), (0.0, 1e6), (-50.0, 512.0)])
@pytest.mark.parametrize("figure", [auroc, average_precision, best_f1])
def test_rank_figures_do_not_move_with_offset_and_scale(figure, offset, scale):
    generator = np.random.default_rng(3)
    scores = generator.integers(0, 400, 200) / 64.0  # exact under every offset and scale here
    labels = (scores + generator.normal(0, 2, 200) > 4).astype(int)
    assert 0.5 < figure(scores, labels) < 1
    assert figure(scores * scale + offset, labels) == pytest.approx(figure(scores, labels), abs=1e-12)


@pytest.mark.parametrize("label", [0, 1])
@pytest.mark.parametrize("figure", [auroc, average_precision, best_f1])
def test_one_class_has_no_rank_figure(figure, label):
    assert figure(np.array([1.0, 2.0, 3.0]), np.full(3, label)) is None


@pytest.mark.parametrize(
    ("scores", "labels", "says"),
    [
        ([1.0, math.nan], [0, 1], "NaN"),
        ([1.0, 2.0], [0, 2], "label 2"),
        ([1.0, 2.0], [0], "labels of shape"),
        ([[1.0], [2.0]], [0, 1], "one-dimensional"),
        ([], [], "at least one"),
    ],
)
def test_bad_scores_and_labels_are_named(scores, labels, says):
    with pytest.raises(AdshiftError, match=says):
        auroc(np.array(scores), np.array(labels))


@settings(max_examples=40, deadline=None)
@given(ranked(), st.integers(-5, 5))
def test_decision_figures_equal_scikit_learn(data, threshold):
    scores, labels = data
    called = scores >= threshold
    found = decision_metrics(scores, labels, float(threshold))
    assert found["image_f1"] == pytest.approx(sk.f1_score(labels, called))
    assert found["recall"] == pytest.approx(sk.recall_score(labels, called))
    assert found["specificity"] == pytest.approx(sk.recall_score(labels, called, pos_label=0))
    assert found["false_alarm_rate"] == pytest.approx(called[labels == 0].mean())
    assert found["accuracy"] == pytest.approx(sk.accuracy_score(labels, called))
    if called.any():
        assert found["precision"] == pytest.approx(sk.precision_score(labels, called))
    else:
        assert found["precision"] is None


def test_the_score_at_the_threshold_is_anomalous():
    assert decide(np.array([1.0, 2.0, 3.0]), 2.0).tolist() == [False, True, True]


def test_each_image_may_have_its_own_threshold():
    scores, labels = np.array([5.0, 50.0, 6.0, 40.0]), np.array([0, 1, 1, 0])
    found = decision_metrics(scores, labels, np.array([5.5, 45.0, 5.5, 45.0]))
    assert found["accuracy"] == 1.0
    with pytest.raises(AdshiftError, match="thresholds of shape"):
        decision_metrics(scores, labels, np.array([1.0, 2.0]))


def test_undefined_decisions_are_none():
    scores = np.array([1.0, 2.0])
    anomalous, normal = decision_metrics(scores, np.ones(2), 1.5), decision_metrics(scores, np.zeros(2), 1.5)
    assert anomalous["specificity"] is None
    assert anomalous["false_alarm_rate"] is None
    assert anomalous["recall"] == 0.5
    assert normal["recall"] is None
    assert normal["image_f1"] is None
    assert normal["precision"] == 0.0
    assert decision_metrics(scores, np.ones(2), 9.0)["precision"] is None
    with pytest.raises(AdshiftError, match="nan"):
        decision_metrics(scores, np.ones(2), math.nan)


def test_area_to_limit_cuts_the_crossing_segment():
    x, y = np.array([0.1, 0.1, 0.5, 1.0]), np.array([0.2, 0.4, 0.8, 1.0])
    grid = np.linspace(0, 1, 2_000_001)
    curve = np.where(grid < 0.1, 2 * grid, np.interp(grid, [0.1, 0.5, 1.0], [0.4, 0.8, 1.0]))
    for limit in (0.05, 0.1, 0.3, 1.0):
        inside = grid <= limit
        riemann = np.trapezoid(curve[inside], grid[inside]) / limit
        assert area_to_limit(x, y, limit) == pytest.approx(riemann, abs=1e-5)
    with pytest.raises(AdshiftError, match="limit=0"):
        area_to_limit(x, y, 0)


def test_aggregate_is_students_interval():
    values = [0.91, 0.94, 0.9, 0.97]
    low, high = stats.t.interval(0.95, 3, loc=np.mean(values), scale=stats.sem(values))
    found = aggregate([*values, None])
    assert found["n"] == 4
    assert found["mean"] == pytest.approx(np.mean(values))
    assert found["std"] == pytest.approx(np.std(values, ddof=1))
    assert (found["low"], found["high"]) == pytest.approx((low, high))
    assert aggregate([0.5]) == {"n": 1, "mean": 0.5, "std": None, "low": None, "high": None}
    assert aggregate([None]) == {"n": 0, "mean": None, "std": None, "low": None, "high": None}


def test_figures_hold_the_contract():
    scores, labels, maps, masks = scored()
    found = figures(scores, labels, 14.0, maps=maps, masks=masks, pixel_threshold=9.0, replicates=200)
    assert not found.warnings
    assert set(CONTRACT) <= set(FIGURES)
    json.dumps(found.values, allow_nan=False)
    for name in CONTRACT:
        low, high = found.values[f"{name}_ci"]
        assert 0 <= low <= high <= 1
        assert low - 0.05 <= found.values[name] <= high + 0.05
    assert found.values["image_auroc"] == pytest.approx(sk.roc_auc_score(labels, scores))
    flat = (masks != 0).ravel()
    assert found.values["pixel_auroc"] == pytest.approx(sk.roc_auc_score(flat, maps.ravel()), abs=1e-6)
    assert found.values["pixel_f1"] == pytest.approx(sk.f1_score(flat, maps.ravel() >= 9))
    assert found.values["pixel_iou"] == pytest.approx(sk.jaccard_score(flat, maps.ravel() >= 9))
    assert found.values["specificity"] + found.values["false_alarm_rate"] == pytest.approx(1)


def test_figures_without_intervals_have_the_same_values():
    scores, labels, maps, masks = scored()
    plain = figures(scores, labels, 14.0, maps=maps, masks=masks, pixel_threshold=9.0, replicates=0)
    drawn = figures(scores, labels, 14.0, maps=maps, masks=masks, pixel_threshold=9.0, replicates=20)
    assert set(plain.values) == set(FIGURES)
    assert plain.values == {name: drawn.values[name] for name in FIGURES}
    assert plain.replicates == {}


def test_figures_without_anomalies_are_null_and_say_so():
    scores, _, maps, masks = scored()
    found = figures(scores, np.zeros(len(scores)), 14.0, maps=maps, masks=masks * 0, pixel_threshold=9.0, replicates=50)
    assert found.values["image_auroc"] is None
    assert found.values["pro_030"] is None
    assert found.values["pixel_f1"] is None
    assert "image_auroc_ci" not in found.values
    assert found.values["specificity"] == pytest.approx((scores < 14).mean())
    assert any("no anomalous test image" in note for note in found.warnings)
    assert any("no defect pixel" in note for note in found.warnings)


def test_an_anomalous_image_without_mask_is_left_out_of_pixel_figures_alone():
    scores, labels, maps, masks = scored()
    partly = [mask if label else None for mask, label in zip(masks, labels, strict=True)]
    partly[-1] = None
    found = figures(scores, labels, 14.0, maps=maps, masks=partly, pixel_threshold=9.0, replicates=50)
    assert found.values["image_auroc"] == pytest.approx(sk.roc_auc_score(labels, scores))
    expected = sk.roc_auc_score((masks[:-1] != 0).ravel(), maps[:-1].ravel())
    assert found.values["pixel_auroc"] == pytest.approx(expected, abs=1e-6)
    assert any("1 of 8 anomalous test images have no mask" in note for note in found.warnings)


def test_figures_without_maps_or_thresholds():
    scores, labels, *_ = scored()
    found = figures(scores, labels, replicates=50)
    assert found.values["image_auroc_ci"]
    assert found.values["image_f1"] is None
    assert found.values["pixel_auroc"] is None
    assert found.warnings == [
        "no image threshold: the decision figures are null", "no anomaly maps: the pixel figures are null",
    ]  # fmt: skip


def test_what_is_missing_is_told_and_nothing_else():
    scores, labels, maps, masks = scored()

    def told(labels, masks, threshold=14.0, pixel_threshold=9.0):
        found = figures(
            scores, labels, threshold, maps=maps, masks=masks, pixel_threshold=pixel_threshold, replicates=0
        )
        return found.warnings

    no_one = "no normal test image: the image figures that need one are null"
    assert told(np.ones(24), [mask if mask.any() else None for mask in masks]) == [
        no_one, "16 of 24 anomalous test images have no mask: left out of the pixel figures"
    ]  # fmt: skip
    assert told(np.zeros(24), None) == [
        "no anomalous test image: the image figures that need one are null",
        "no defect pixel in the masks: the pixel figures are null",
    ]
    assert told(labels, masks, pixel_threshold=None) == ["no pixel threshold: pixel_f1 and pixel_iou are null"]
    assert told(labels, masks, threshold=1e9) == ["no test image is called anomalous: precision is null"]
    emptied = masks.copy()
    emptied[-1] = 0
    assert told(labels, emptied) == ["1 of 8 anomalous test images have an empty mask: all defect-free pixels"]


def test_thresholds_stay_with_their_images_when_one_is_left_out():
    scores, labels, maps, masks = scored()
    thresholds = np.linspace(5.0, 12.0, 24)
    partly = list(masks)
    partly[20] = None
    found = figures(scores, labels, 14.0, maps=maps, masks=partly, pixel_threshold=thresholds, replicates=0)
    rest = np.arange(24) != 20
    called = maps[rest] >= thresholds[rest, None, None]
    assert found.values["pixel_f1"] == pytest.approx(sk.f1_score((masks[rest] != 0).ravel(), called.ravel()))


def test_resamples_follow_the_strata_and_usual_values_are_those_of_the_page():
    scores, labels, *_ = scored()
    strata = 2 * labels + np.arange(24) % 2
    found = figures(scores, labels, replicates=40, seed=3, stream="carpet", strata_N=strata)
    drawn = [np.repeat(np.arange(24), row) for row in resample(strata, 40, 3, "carpet")]
    expected = [sk.roc_auc_score(labels[i], scores[i]) for i in drawn]
    np.testing.assert_allclose(found.replicates["image_auroc"], expected)
    assert figures(scores, labels).images == figures(scores, labels, replicates=1000, seed=0, stream="").images


def test_macro_is_the_mean_over_the_defined_categories():
    sets = {name: scored(seed) for seed, name in enumerate(("carpet", "hazelnut", "zipper"))}
    each = {name: figures(s, y, 14.0, replicates=400, stream=name) for name, (s, y, *_) in sets.items()}
    mean = macro(each)
    aurocs = [sk.roc_auc_score(y, s) for s, y, *_ in sets.values()]
    assert mean.values["image_auroc"] == pytest.approx(np.mean(aurocs))
    spread = np.sqrt(sum(each[name].replicates["image_auroc"].var() for name in each)) / 3
    assert mean.replicates["image_auroc"].std() == pytest.approx(spread, rel=0.15)  # independent resamples
    each["zipper"] = figures(sets["zipper"][0], np.zeros(24), 14.0, replicates=400, stream="zipper")
    partial = macro(each)
    assert partial.values["image_auroc"] == pytest.approx(np.mean(aurocs[:2]))
    assert any("zipper" in note and "image_auroc" in note for note in partial.warnings)
    assert partial.values["pixel_auroc"] is None
    assert mean.warnings == []  # nothing was left out


def test_macro_keeps_the_figures_behind_one_that_no_category_has():
    scores, *_ = scored()
    normals = {name: figures(scores, np.zeros(24), 14.0, replicates=50, stream=name) for name in ("carpet", "zipper")}
    mean = macro(normals)
    assert mean.values["image_auroc"] is None
    alarms = [each.values["false_alarm_rate"] for each in normals.values()]
    assert mean.values["false_alarm_rate"] == pytest.approx(np.mean(alarms))


def test_macros_are_compared_only_where_their_categories_were_resampled_alike():
    scores, labels, *_ = scored()

    def mean(seed, *names):
        return macro({n: figures(scores, labels, 14.0, replicates=50, seed=seed, stream=n) for n in names})

    same = compare(mean(0, "carpet", "zipper"), mean(0, "zipper", "carpet"))
    assert same["image_auroc"].estimate == 0
    for other in (mean(1, "carpet", "zipper"), mean(0, "carpet"), mean(0, "carpet", "hazelnut")):
        with pytest.raises(AdshiftError, match="differ"):
            compare(mean(0, "carpet", "zipper"), other)
