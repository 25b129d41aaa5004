"""Resampled figures against figures of images that are really repeated; paired comparisons."""

import warnings

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as sk

from adshift.errors import AdshiftError
from adshift.metrics.bootstrap import (
    image_intervals,
    image_replicates,
    pixel_intervals,
    pixel_replicates,
    score_edges,
)
from adshift.metrics.comparison import compare, recover
from adshift.metrics.pixel import PixelRanking, pixel_decision
from adshift.metrics.resampling import paired_difference, percentile_interval, recovered_share, resample
from adshift.metrics.summary import figures


def maps_and_masks(images=30, side=24, seed=0, lift=2.0):
    """Anomaly maps, masks and labels; the last half is anomalous, with one or two defects of several sizes."""
    generator = np.random.default_rng(seed)
    labels = (np.arange(images) >= images // 2).astype(int)
    maps = generator.gamma(4.0, 0.5, (images, side, side)).astype(np.float32)
    masks = np.zeros((images, side, side), np.uint8)
    for i in np.flatnonzero(labels):
        for _ in range(int(generator.integers(1, 3))):
            (y, x), size = generator.integers(0, side - 9, 2), int(generator.integers(2, 9))
            masks[i, y : y + size, x : x + size] = 1
            maps[i, y : y + size, x : x + size] += generator.gamma(2.0) * lift / 2
    return maps, masks, labels


def test_resamples_stay_in_their_stratum_and_repeat_from_their_arguments():
    strata = np.array([0, 1, 0, 1, 1, 7])
    counts = resample(strata, 500, 3)
    assert counts.shape == (500, 6)
    for stratum, size in ((0, 2), (1, 3), (7, 1)):
        assert (counts[:, strata == stratum].sum(axis=1) == size).all()
    np.testing.assert_array_equal(counts, resample(strata, 500, 3))
    assert (counts != resample(strata, 500, 4)).any()
    assert (counts != resample(strata, 500, 3, "carpet")).any()
    with pytest.raises(AdshiftError, match="replicates=0"):
        resample(strata, 0, 0)


def test_resamples_draw_every_image_alike():
    counts = resample(np.zeros(10, int), 20_000, 0)
    np.testing.assert_allclose(counts.mean(axis=0), 1, atol=0.03)
    np.testing.assert_allclose(counts.var(axis=0), 0.9, atol=0.05)  # binomial(10, 0.1)


def test_image_replicates_equal_repeated_images():
    generator = np.random.default_rng(0)
    labels = np.repeat([0, 1], [12, 9])
    scores = np.round(generator.normal(labels * 1.2, 1), 1)  # with ties
    thresholds = np.where(np.arange(21) % 2, 0.4, 0.8)
    counts = resample(labels, 40, 1)
    found = image_replicates(scores, labels, counts, thresholds)
    for b, row in enumerate(counts):
        drawn = np.repeat(np.arange(21), row)
        s, y, called = scores[drawn], labels[drawn], (scores >= thresholds)[drawn]
        assert found["image_auroc"][b] == pytest.approx(sk.roc_auc_score(y, s))
        assert found["image_ap"][b] == pytest.approx(sk.average_precision_score(y, s))
        assert found["image_f1"][b] == pytest.approx(sk.f1_score(y, called))
        assert found["specificity"][b] == pytest.approx(sk.recall_score(y, called, pos_label=0))
        assert found["precision"][b] == pytest.approx(sk.precision_score(y, called))
        assert found["accuracy"][b] == pytest.approx(sk.accuracy_score(y, called))


def test_a_replicate_without_positive_decision_has_no_precision():
    scores, labels = np.array([0.0, 1.0, 2.0, 3.0]), np.array([0, 0, 1, 1])
    found = image_replicates(scores, labels, np.array([[2, 0, 2, 0], [1, 1, 1, 1]]), 3.0)
    assert np.isnan(found["precision"][0])
    assert found["precision"][1] == 1


def repeated(maps, masks, row):
    drawn = np.repeat(np.arange(len(maps)), row)
    ranking = PixelRanking.from_maps(maps[drawn], masks[drawn])
    exact = {"pixel_auroc": ranking.auroc(), "pixel_ap": ranking.average_precision()}
    exact |= {"pro_030": ranking.pro(0.3), "pro_005": ranking.pro(0.05)}
    return exact | pixel_decision(maps[drawn], masks[drawn], 4.0)


def test_pixel_replicates_are_exact_where_every_score_has_an_edge():
    maps, masks, labels = maps_and_masks()
    counts = resample(labels, 15, 0)
    found = pixel_replicates(maps, masks, counts, 4.0, edges=10**6)
    for b, row in enumerate(counts):
        for name, value in repeated(maps, masks, row).items():
            assert found[name][b] == pytest.approx(value, abs=1e-9), name


def test_binned_pixel_replicates_are_close_and_not_biased():
    maps, masks, labels = maps_and_masks(images=40, side=48)
    counts = resample(labels, 40, 0)
    found = pixel_replicates(maps, masks, counts, 4.0, edges=128)
    assert PixelRanking.from_maps(maps, masks).score_K.size > 5 * 128
    exact = [repeated(maps, masks, row) for row in counts]
    for name, values in found.items():
        errors = values - np.array([each[name] for each in exact])
        spread = np.std([each[name] for each in exact])
        assert np.abs(errors).max() < 0.1 * spread, name
        assert abs(errors.mean()) < 0.02 * spread, name


def test_no_bin_holds_much_of_the_pixels_or_of_the_regions():
    generator = np.random.default_rng(0)
    maps, masks = np.zeros((40, 60, 60)), np.zeros((40, 60, 60), np.uint8)
    maps[0], masks[0, :50] = generator.normal(10, 3, (60, 60)), 1  # one huge region
    for i in range(1, 40):  # and many tiny ones, all scored below most of it
        maps[i, 5:7, 5:7], masks[i, 5:7, 5:7] = generator.normal(3, 0.2, (2, 2)), 1
    ranking = PixelRanking.from_maps(maps, masks)
    edge = score_edges(ranking, 100)
    assert edge[-1] == -np.inf
    assert (np.diff(edge) < 0).all()
    bins = np.searchsorted(-edge, -ranking.score_K)
    for mass in (ranking.tp_K, ranking.overlap_K):
        share = np.bincount(bins, weights=np.diff(mass, prepend=0)) / mass[-1]
        assert share.max() < 2 / 100 + 0.25 / 40  # and at most one pixel of a tiny region more


def test_intervals_are_the_percentiles_of_brute_force_replicates():
    maps, masks, labels = maps_and_masks(images=16, side=12)
    scores = maps.max(axis=(1, 2))
    brute_image, brute_pixel = [], []
    for row in resample(labels, 200, 5):
        drawn = np.repeat(np.arange(16), row)
        brute_image.append(sk.roc_auc_score(labels[drawn], scores[drawn]))
        brute_pixel.append(sk.roc_auc_score(masks[drawn].ravel(), maps[drawn].ravel()))
    image = image_intervals(scores, labels, 5.0, replicates=200, seed=5)
    pixel = pixel_intervals(maps, masks, labels, 5.0, replicates=200, seed=5)
    assert image["image_auroc"] == pytest.approx(np.quantile(brute_image, [0.025, 0.975]), abs=1e-9)
    assert pixel["pixel_auroc"] == pytest.approx(np.quantile(brute_pixel, [0.025, 0.975]), abs=1e-4)
    assert {"image_ap", "image_f1", "precision", "recall", "specificity", "accuracy", "false_alarm_rate"} < set(image)
    assert {"pixel_ap", "pro_030", "pro_005", "pixel_f1"} < set(pixel)


def test_recall_interval_matches_the_binomial_it_resamples():
    scores, labels = np.r_[np.zeros(50), np.arange(50)], np.repeat([0, 1], 50)
    low, high = image_intervals(scores, labels, 15.0, replicates=4000)["recall"]  # 35 of 50
    assert (low, high) == pytest.approx(stats.binom.ppf([0.025, 0.975], 50, 0.7) / 50, abs=0.021)


def test_auroc_intervals_cover_the_truth():
    generator, truth, covered = np.random.default_rng(0), stats.norm.cdf(1 / np.sqrt(2)), 0
    labels = np.repeat([0, 1], [40, 60])
    for trial in range(400):
        scores = generator.normal(labels.astype(float), 1)
        low, high = image_intervals(scores, labels, replicates=400, seed=trial)["image_auroc"]
        covered += low <= truth <= high
    assert 0.91 <= covered / 400 <= 0.98


def test_percentile_interval_needs_half_of_the_replicates():
    values = np.arange(101.0)
    assert percentile_interval(values) == pytest.approx((2.5, 97.5))
    values[:50] = np.nan
    assert percentile_interval(values) == pytest.approx((51.25, 98.75))
    values[:52] = np.nan
    assert percentile_interval(values) is None


def test_paired_differences_use_the_same_images():
    generator = np.random.default_rng(1)
    labels = np.repeat([0, 1], 60)
    shared = generator.normal(labels * 1.0, 1)
    a, b = shared + generator.normal(labels * 0.3, 0.1), shared + generator.normal(0, 0.1, 120)
    runs = [figures(scores, labels, 0.5, replicates=2000, seed=7) for scores in (a, b)]
    found = compare(*runs, names=("image_auroc", "image_f1"))["image_auroc"]
    assert found.estimate == pytest.approx(sk.roc_auc_score(labels, a) - sk.roc_auc_score(labels, b))
    low, high = found.interval
    assert 0 < low < found.estimate < high
    assert found.p_value < 0.01
    apart = np.hypot(*(run.replicates["image_auroc"].std() for run in runs))
    assert (high - low) / 3.92 < 0.5 * apart  # far narrower than if the images had been drawn apart


def test_paired_differences_match_delong_on_average_size():
    """The bootstrap's standard error against the placement-value variance (DeLong et al., Biometrics 1988)."""
    generator = np.random.default_rng(2)
    labels = np.repeat([0, 1], [80, 120])
    shared = generator.normal(labels * 1.0, 1)
    pair = [shared + generator.normal(labels * gain, 0.8) for gain in (0.4, 0.0)]
    placements = [
        (
            (s[labels == 1][:, None] > s[labels == 0]).mean(axis=1),
            (s[labels == 1][:, None] > s[labels == 0]).mean(axis=0),
        )
        for s in pair
    ]
    gaps = [placements[0][k] - placements[1][k] for k in (0, 1)]
    delong = np.sqrt(gaps[0].var(ddof=1) / 120 + gaps[1].var(ddof=1) / 80)
    a, b = (figures(s, labels, replicates=4000) for s in pair)
    boot = (a.replicates["image_auroc"] - b.replicates["image_auroc"]).std()
    assert boot == pytest.approx(delong, rel=0.08)


def test_a_run_against_itself_differs_by_nothing():
    maps, masks, labels = maps_and_masks()
    run = figures(maps.max(axis=(1, 2)), labels, 5.0, maps=maps, masks=masks, pixel_threshold=4.0, replicates=60)
    for name, found in compare(run, run).items():
        assert found.estimate == 0, name
        if found.interval is not None:
            assert (found.interval, found.p_value) == ((0.0, 0.0), 1.0)


def test_image_and_pixel_figures_share_their_resamples():
    maps, masks, labels = maps_and_masks(images=12)
    scores = maps.max(axis=(1, 2))
    run = figures(
        scores, labels, 5.0, maps=maps, masks=masks, pixel_threshold=4.0, replicates=30, seed=2, stream="screw"
    )
    counts = resample(labels, 30, 2, "screw")
    for b, row in enumerate(counts):
        drawn = np.repeat(np.arange(12), row)
        assert run.replicates["image_auroc"][b] == pytest.approx(sk.roc_auc_score(labels[drawn], scores[drawn]))
        found = pixel_decision(maps[drawn], masks[drawn], 4.0)["pixel_f1"]
        assert run.replicates["pixel_f1"][b] == pytest.approx(found)


def test_runs_resampled_apart_are_refused():
    labels = np.repeat([0, 1], 10)
    scores = np.arange(20.0)
    a = figures(scores, labels, replicates=50, seed=0)
    for other in ({"seed": 1}, {"replicates": 51}, {"stream": "zipper"}):
        with pytest.raises(AdshiftError, match="differ"):
            compare(a, figures(scores, labels, **{"replicates": 50, "seed": 0} | other))
    with pytest.raises(AdshiftError, match="differ"):
        compare(a, figures(scores, labels[::-1], replicates=50))


def test_undefined_figures_have_no_difference():
    none = np.array([])
    assert paired_difference(None, 0.5, none, none).estimate is None
    unsampled = paired_difference(0.75, 0.5, none, none)
    assert (unsampled.estimate, unsampled.interval, unsampled.p_value) == (0.25, None, None)


def test_p_value_counts_the_smaller_side():
    gaps = np.r_[np.full(990, 0.2), np.full(10, -0.1)]
    assert paired_difference(0.7, 0.5, gaps, np.zeros(1000)).p_value == pytest.approx(2 * 11 / 1001)


def test_recovered_share_is_the_ratio_with_its_joint_interval():
    generator = np.random.default_rng(0)
    noise = generator.normal(0, 0.02, 2000)
    none, clean = 0.6 + noise, 0.9 + noise + generator.normal(0, 0.01, 2000)
    regime = none + 0.5 * (clean - none)  # half of every drop
    found = recovered_share((0.75, 0.6, 0.9), (regime, none, clean))
    assert found.value == pytest.approx(0.5)
    assert found.interval == pytest.approx((0.5, 0.5))
    flat = recovered_share((0.75, 0.6, 0.61), (regime, none, none + generator.normal(0, 0.02, 2000)))
    assert flat.value is None
    assert "contains 0" in flat.reason
    for values in ((None, 0.6, 0.9), (0.75, None, 0.9), (0.75, 0.6, None)):
        share = recovered_share(values, (regime, none, clean))
        assert (share.value, share.interval) == (None, None)
        assert share.reason == "a figure is undefined in one of the three runs"
    unknown = recovered_share((0.75, 0.6, 0.9), (regime, none, np.full(2000, np.nan)))
    assert (unknown.value, unknown.interval, unknown.reason) == (None, None, "the drop has no interval")


@pytest.mark.parametrize("sign", [1, -1])
def test_a_drop_whose_interval_ends_at_zero_has_no_share(sign):
    none, clean = np.full(100, 0.6), 0.6 + sign * np.repeat([0.0, 0.1], 50)
    share = recovered_share((0.6, 0.6, 0.65), (none, none, clean))
    assert share.value is None
    assert "contains 0" in share.reason


def test_replicates_without_a_drop_are_left_out_of_the_shares_interval():
    """One divides nothing by nothing, one something by nothing; neither says so on the console."""
    none, clean, regime = np.full(1000, 0.5), np.full(1000, 0.9), np.full(1000, 0.7)
    clean[:2] = 0.5
    regime[0] = 0.5
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        share = recovered_share((0.7, 0.5, 0.9), (regime, none, clean))
    assert share.value == pytest.approx(0.5)
    assert share.interval == pytest.approx((0.5, 0.5))


def test_recover_works_on_runs():
    generator = np.random.default_rng(4)
    labels = np.repeat([0, 1], 80)
    noise = generator.normal(0, 1, 160)
    clean, regime, none = (figures(noise + labels * lift, labels, replicates=500) for lift in (3.0, 1.5, 0.2))
    found = recover(regime, none, clean, names=("image_auroc", "pixel_auroc"))
    values = [run.values["image_auroc"] for run in (regime, none, clean)]
    assert found["image_auroc"].value == pytest.approx((values[0] - values[1]) / (values[2] - values[1]))
    low, high = found["image_auroc"].interval
    assert 0 < low < found["image_auroc"].value < high < 1
    assert found["pixel_auroc"].reason == "a figure is undefined in one of the three runs"
    unsampled = [figures(noise + labels * lift, labels, replicates=0) for lift in (3.0, 1.5, 0.2)]
    assert recover(*unsampled, names=("image_auroc",))["image_auroc"].reason == "the drop has no interval"
