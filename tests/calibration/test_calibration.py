"""Calibrators against scipy, scikit-learn, brute force and simulation."""

import json
import math
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from helpers.repo import REPO
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import DictConfig, OmegaConf
from scipy import stats
from sklearn.metrics import f1_score, precision_recall_curve

from adshift.calibration import gpd
from adshift.calibration.binomial import binomial_interval
from adshift.calibration.calibration import Calibration, Calibrator
from adshift.calibration.conformal import Conformal
from adshift.calibration.crossfit import crossfit_calibration, folds, worst_case_rate
from adshift.calibration.evt import EVT, Tail
from adshift.calibration.f1 import F1
from adshift.calibration.quantile import Quantile
from adshift.calibration.sigma import Sigma
from adshift.errors import AdshiftError

NORMALS_ONLY: list[Calibrator] = [Quantile(), Conformal(), EVT(), Sigma()]
ALL: list[Calibrator] = [F1(), *NORMALS_ONLY]
DRAWS = 10_000

integer_scores = st.lists(st.integers(-20, 20), min_size=1, max_size=60)
rates = st.sampled_from([0.01, 0.05, 0.07, 0.1, 0.29, 0.3, 0.5, 0.9])


def normals(scores: np.ndarray) -> np.ndarray:
    return np.zeros(len(scores), dtype=np.int64)


def kind_of(calibrator: Calibrator) -> str:
    return calibrator.kind


# ---- F1


def best_f1_by_hand(scores: np.ndarray, labels: np.ndarray) -> tuple[Fraction, float]:
    """Best F1 and its highest threshold, every distinct score tried one by one, in fractions."""
    best, threshold = Fraction(-1), math.nan
    for candidate in sorted(set(scores.tolist()), reverse=True):
        alarm = scores >= candidate
        hits = int((alarm & (labels == 1)).sum())
        f1 = Fraction(2 * hits, int(alarm.sum()) + int((labels == 1).sum()))
        if f1 > best:
            best, threshold = f1, candidate
    return best, threshold


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 1)), min_size=2, max_size=40))
def test_f1_is_the_highest_of_the_exact_maximisers(rows: list[tuple[int, int]]) -> None:
    scores, labels = np.array([r[0] for r in rows], dtype=float), np.array([r[1] for r in rows])
    if labels.min() == labels.max():
        return
    best, lowest = best_f1_by_hand(scores, labels)
    calibration = F1().calibrate(scores, labels)
    under = [score for score in scores.tolist() if score < lowest]
    assert calibration.threshold == ((max(under) + lowest) / 2 if under else lowest)
    assert f1_score(labels, scores >= calibration.threshold) == pytest.approx(float(best))


@pytest.mark.parametrize("sign", [1.0, -1.0], ids=["ordered", "inverted"])
@pytest.mark.parametrize("decimals", [1, 12], ids=["ties", "distinct"])
def test_f1_equals_the_best_of_sklearns_curve(sign: float, decimals: int) -> None:
    rng = np.random.default_rng(3)
    labels = (rng.random(2000) < 0.3).astype(int)
    scores = np.round(sign * (rng.normal(size=2000) + 1.2 * labels), decimals)
    precision, recall, thresholds = precision_recall_curve(labels, scores)
    curve = 2 * precision * recall / np.maximum(precision + recall, 1e-300)
    calibration = F1().calibrate(scores, labels)
    assert (calibration.threshold in thresholds) == bool((scores >= calibration.threshold).all())
    assert f1_score(labels, scores >= calibration.threshold) == pytest.approx(curve.max(), abs=1e-12)
    assert calibration.n == 2000
    assert calibration.promised_rate is None


def test_f1_says_when_it_calls_every_normal_anomalous() -> None:
    calibration = F1().calibrate(np.array([1.0, 2.0, 3.0]), np.array([1, 0, 0]))
    assert calibration.threshold == 1.0
    assert "the best F1 (0.500) calls all 2 calibration normals" in calibration.warnings[-1]


@pytest.mark.parametrize("anomalies", [1, 4, 5, 40])
def test_f1_lies_in_the_gap_and_warns_of_few_anomalies(anomalies: int) -> None:
    scores, labels = np.array([1.0, 2.0, *[3.0] * anomalies]), np.array([0, 0, *[1] * anomalies])
    calibration = F1().calibrate(scores, labels)
    assert calibration.threshold == 2.5
    told = (
        f"rests on {anomalies} anomalous calibration scores, fewer than 5; add defective images, or use threshold=conf"
    )
    assert [told in warning for warning in calibration.warnings] == ([True] if anomalies < 5 else [])


@pytest.mark.parametrize("low", [1.0, -1.7e308, 5e-324])
def test_f1_decides_its_own_scores_where_no_number_lies_in_the_gap(low: float) -> None:
    scores = np.array([low, math.nextafter(low, math.inf)])
    assert (scores >= F1().calibrate(scores, np.array([0, 1])).threshold).tolist() == [False, True]
    wide = np.array([-1.7e308, 1.7e308])
    assert F1().calibrate(wide, np.array([0, 1])).threshold == 0.0


def test_without_anomalies_f1_says_why_it_cannot_and_the_others_work() -> None:
    scores = np.random.default_rng(0).gamma(2.0, size=100)
    with pytest.raises(AdshiftError, match=r"0 anomalous .*conformal, quantile, evt or sigma"):
        F1().calibrate(scores, normals(scores))
    for calibrator in NORMALS_ONLY:
        calibration = calibrator.calibrate(scores, normals(scores))
        assert calibration.kind == calibrator.kind
        assert (calibration.n, calibration.warnings) == (100, ())


# ---- quantile and conformal


@given(integer_scores, rates)
def test_quantile_is_the_lowest_threshold_that_keeps_alpha(values: list[int], alpha: float) -> None:
    scores = np.array(values, dtype=float)
    threshold = Quantile(alpha).calibrate(scores, normals(scores)).threshold
    exact = Fraction(str(alpha))
    assert Fraction(int((scores >= threshold).sum()), len(scores)) <= exact
    lower = np.nextafter(threshold, -np.inf)
    assert Fraction(int((scores >= lower).sum()), len(scores)) > exact


@given(integer_scores, rates)
def test_conformal_alarm_is_the_conformal_p_value_at_most_alpha(values: list[int], alpha: float) -> None:
    scores = np.array(values, dtype=float)
    calibration = Conformal(alpha).calibrate(scores, normals(scores))
    level = max(Fraction(str(alpha)), Fraction(1, len(scores) + 1))
    for new in range(-22, 23):
        p_value = Fraction(1 + int((scores >= new).sum()), len(scores) + 1)
        assert (new >= calibration.threshold) == (p_value <= level)


@given(integer_scores, st.sampled_from([0.05, 0.1, 0.2, 0.5]))
def test_conformal_is_exact_over_every_choice_of_the_new_one(values: list[int], alpha: float) -> None:
    """Exchangeability without simulation: each of the scores is the new one in turn."""
    scores = np.array([*values, 0], dtype=float)
    alarms, promised = 0, 0.0
    for i in range(len(scores)):
        rest = np.delete(scores, i)
        calibration = Conformal(alpha).calibrate(rest, normals(rest))
        promised = calibration.promised_rate or 0.0
        alarms += bool(scores[i] >= calibration.threshold)
    assert alarms / len(scores) <= promised + 1e-12


def realised_rate(draw: Any, n: int, alpha: float, offset: float = 0.0, calibrated_at: float = 0.0) -> float:
    """Share of alarms among new normals shifted by `offset`, one for each of DRAWS calibration samples."""
    rng = np.random.default_rng(n)
    scores_DN, new_D = draw(rng, (DRAWS, n)) + calibrated_at, draw(rng, DRAWS) + offset
    conformal, labels = Conformal(alpha), np.zeros(n, dtype=np.int64)
    thresholds_D = np.array([conformal.calibrate(scores_N, labels).threshold for scores_N in scores_DN])
    return float(np.mean(new_D >= thresholds_D))


DISTRIBUTIONS = {
    "gaussian": lambda rng, shape: rng.normal(size=shape),
    "heavy": lambda rng, shape: rng.standard_t(2, size=shape),
    "poisson ties": lambda rng, shape: rng.poisson(3.0, size=shape).astype(np.float64),
    "two values": lambda rng, shape: (rng.random(shape) < 0.04).astype(np.float64),
}


@pytest.mark.parametrize("n", [20, 57, 100, 500])
@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_conformal_keeps_its_promise_on_exchangeable_scores(name: str, n: int) -> None:
    alpha = 0.05
    rate = realised_rate(DISTRIBUTIONS[name], n, alpha)
    error = 4 * math.sqrt(alpha * (1 - alpha) / DRAWS)
    assert rate <= alpha + error
    if name in (
        "gaussian",
        "heavy",
    ):  # without ties it is floor(alpha (n + 1)) / (n + 1), not merely below alpha
        assert rate == pytest.approx(math.floor(alpha * (n + 1)) / (n + 1), abs=error)


def test_conformal_breaks_under_a_shift_and_holds_again_when_calibrated_on_the_target() -> None:
    draw, alpha = DISTRIBUTIONS["gaussian"], 0.05
    error = 4 * math.sqrt(alpha * (1 - alpha) / DRAWS)
    assert realised_rate(draw, 64, alpha) <= alpha + error
    assert realised_rate(draw, 64, alpha, offset=1.5) > 0.3
    assert realised_rate(draw, 64, alpha, offset=1.5, calibrated_at=1.5) <= alpha + error


@pytest.mark.parametrize(("alpha", "needed"), [(0.05, 19), (0.1, 9), (0.01, 99), (0.03, 33)])
def test_conformal_says_which_n_it_needs(alpha: float, needed: int) -> None:
    scores = np.arange(needed, dtype=float)
    enough, short = (Conformal(alpha).calibrate(s, normals(s)) for s in (scores, scores[:-1]))
    assert (enough.promised_rate, enough.warnings) == (alpha, ())
    assert short.promised_rate == 1 / needed
    assert f"at least {needed} needed" in short.warnings[0]
    assert short.threshold == np.nextafter(needed - 2.0, np.inf)


def test_quantile_says_which_n_resolves_alpha() -> None:
    scores = np.arange(20.0)
    enough = Quantile(0.05).calibrate(scores, normals(scores))
    assert (enough.warnings, enough.promised_rate, enough.parameters) == ((), 0.05, {"alpha": 0.05})
    short = Quantile(0.05).calibrate(scores[:-1], normals(scores[:-1]))
    assert (short.promised_rate, short.parameters) == (0.05, {"alpha": 0.05})
    assert "at least 20 needed" in short.warnings[0]
    assert not (scores[:-1] >= short.threshold).any()


def test_decimals_are_taken_as_written() -> None:
    """0.29 * 100 is 28.999... in floating point; 29 scores may be alarms."""
    scores = np.arange(100.0)
    assert (scores >= Quantile(0.29).calibrate(scores, normals(scores)).threshold).sum() == 29


def test_float32_scores_decide_alike_in_float32_and_float64() -> None:
    scores = np.random.default_rng(0).gamma(2.0, size=200).astype(np.float32)
    for calibrator in (Quantile(), Conformal()):
        threshold = calibrator.calibrate(scores, normals(scores)).threshold
        assert np.float64(np.float32(threshold)) == threshold
        alarms_64 = (scores.astype(np.float64) >= threshold).sum()
        assert (scores >= np.float32(threshold)).sum() == alarms_64 <= 10


# ---- sigma


def test_sigma_is_scipys_summary_and_its_rate_the_normal_tail() -> None:
    scores = np.random.default_rng(1).normal(7.0, 2.0, size=50)
    calibration = Sigma(2.5).calibrate(scores, normals(scores))
    summary = stats.describe(scores)
    assert calibration.threshold == pytest.approx(summary.mean + 2.5 * math.sqrt(summary.variance))
    assert calibration.promised_rate == pytest.approx(stats.norm.sf(2.5))
    assert calibration.parameters == {"k": 2.5}
    assert Sigma(0.5).calibrate(scores, normals(scores)).promised_rate == pytest.approx(stats.norm.sf(0.5))
    assert Sigma(1.0).calibrate(np.array([1.0, 3.0]), np.zeros(2, int)).threshold == pytest.approx(2 + math.sqrt(2))


def test_sigma_needs_two_scores_and_gives_equal_ones_the_benefit() -> None:
    with pytest.raises(AdshiftError, match=r"1 normal .*at least 2"):
        Sigma().calibrate(np.array([1.0, 5.0]), np.array([0, 1]))
    scores = np.full(7, 0.1)
    calibration = Sigma().calibrate(scores, normals(scores))
    assert not (scores >= calibration.threshold).any()
    assert "equal" in calibration.warnings[0]
    single = np.full(7, 0.1, np.float32)
    threshold = Sigma().calibrate(single, normals(single)).threshold
    assert threshold == np.nextafter(np.float32(0.1), np.float32(1))  # a step that float32 can tell


# ---- evt


@pytest.mark.parametrize("shape", [-0.3, 0.0, 0.2, 0.4])
def test_gpd_matches_scipy(shape: float) -> None:
    reference = stats.genpareto(shape, scale=1.7)
    rates_R = np.array([0.001, 0.1, 0.5, 0.99])
    assert gpd.quantile(rates_R, shape, 1.7) == pytest.approx(reference.isf(rates_R), rel=1e-9)
    x_1M = np.array([[0.0, 0.5, 2.0, 30.0]])
    ours = gpd.cdf(x_1M, np.array([shape]), np.array([1.7]))
    assert ours[0] == pytest.approx(reference.cdf(x_1M[0]), abs=1e-12)
    sample = np.sort(reference.rvs(200, random_state=1))
    w2 = gpd.cramer_von_mises(sample[None], np.array([shape]), np.array([1.7]))[0]
    assert w2 == pytest.approx(stats.cramervonmises(sample, reference.cdf).statistic)


@pytest.mark.parametrize("shape", [-0.3, 0.0, 0.3])
def test_weighted_moments_are_scipys_l_moments_and_find_the_shape(shape: float) -> None:
    """The GPD in L-moments (Hosking 1990): k = l1 / l2 - 2, scale = (1 + k) l1, shape = -k."""
    sample = np.sort(stats.genpareto(shape, scale=2.0).rvs(20_000, random_state=5))
    l1, l2 = stats.lmoment(sample, order=[1, 2])
    fitted_shape, fitted_scale = (float(v[0]) for v in gpd.fit_pwm(sample[None]))
    assert fitted_shape == pytest.approx(-(l1 / l2 - 2))
    assert fitted_scale == pytest.approx((1 + (l1 / l2 - 2)) * l1)
    assert fitted_shape == pytest.approx(shape, abs=0.05)
    assert fitted_scale == pytest.approx(2.0, rel=0.05)


def test_goodness_of_fit_rejects_at_its_level_and_sees_another_shape() -> None:
    rng = np.random.default_rng(0)
    draws = [np.sort(stats.genpareto(0.1).rvs(80, random_state=rng)) for _ in range(200)]
    rejected = sum(gpd.goodness_of_fit(d, 99, rng) <= 0.1 for d in draws)
    low, high = stats.binom.ppf([1e-4, 1 - 1e-4], 200, 0.1)
    assert low <= rejected <= high
    two_lumps = np.sort(np.concatenate([rng.normal(1.0, 0.05, 100), rng.normal(5.0, 0.05, 100)]))
    assert gpd.goodness_of_fit(two_lumps, 99, rng) == 0.01


@pytest.mark.parametrize("shape", [-0.2, 0.0, 0.25])
@pytest.mark.parametrize(("alpha", "bound"), [(0.05, 0.05), (0.001, 0.25)])
def test_evt_finds_the_quantile_of_a_known_tail(shape: float, alpha: float, bound: float) -> None:
    """Above any location a generalised Pareto sample is one still, so the true rate of the threshold is known."""
    reference = stats.genpareto(shape, loc=10.0, scale=2.0)
    realised = []
    for seed in range(20):
        scores = reference.rvs(4000, random_state=seed)
        calibration = EVT(alpha).calibrate(scores, normals(scores))
        assert calibration.promised_rate == alpha
        if calibration.parameters["fallback"] == "none":
            assert calibration.warnings == ()
            realised.append(reference.sf(calibration.threshold) / alpha)
    assert len(realised) >= 15  # 5 % of good fits are doubted by chance
    assert np.mean(realised) == pytest.approx(1.0, abs=bound)


def test_evt_threshold_is_the_fits_quantile_at_the_share_above_an_order_statistic() -> None:
    scores = np.random.default_rng(2).gamma(2.0, size=79)
    for alpha in (0.05, 0.001):
        calibration = EVT(alpha).calibrate(scores, normals(scores))
        fit: Any = calibration.parameters
        assert (fit["fallback"], fit["exceedances"], calibration.n) == ("none", 15, 79)
        assert (fit["alpha"], fit["tail"], fit["seed"]) == (alpha, 0.2, 0)
        assert fit["location"] == pytest.approx(np.sort(scores)[-16])
        excess = stats.genpareto.isf(alpha / (16 / 80), fit["shape"], scale=fit["scale"])
        assert calibration.threshold == pytest.approx(fit["location"] + excess)


@pytest.mark.parametrize(
    ("shape", "scale", "says"),
    [
        (math.nan, 1.0, "is not a distribution"), (0.1, -1.0, "is not a distribution"), (0.1, 0.0, "is not a dist"),
        (0.5, 1.0, "too heavy"), (-1.0, 1.0, "ends below the largest score"),
    ],
)  # fmt: skip
def test_evt_doubts_a_fit_that_cannot_be_of_these_scores(shape: float, scale: float, says: str) -> None:
    excess = np.r_[np.linspace(0.05, 0.95, 19), 1.01]  # of shape -1 and scale 1, all but one can be
    assert says in EVT()._doubt(Tail(0.0, 0.2, shape, scale), excess)


def test_evt_goes_beyond_the_largest_score() -> None:
    """200 scores resolve 0.005; the fitted tail serves a tenth of that."""
    beyond = 0
    for seed in range(20):
        scores = np.random.default_rng(seed).exponential(size=200)
        calibration = EVT(0.0005).calibrate(scores, normals(scores))
        beyond += calibration.parameters["fallback"] == "none" and calibration.threshold > scores.max()
    assert beyond >= 12


POOR_FITS = {
    "at least 10 needed": np.arange(40.0),
    "0 of 300 normals": np.ones(300),
    "no spread": np.repeat([1.0, 2.0], [290, 40]),
    "not more than alpha": np.concatenate([np.zeros(500), np.linspace(1, 2, 12) ** 3]),
    "too heavy": stats.pareto(1.05).rvs(3000, random_state=3),
    "ends below": np.random.default_rng(0).geometric(0.3, size=2000).astype(float),
    "is poor": np.floor(3 * stats.genpareto(0.2).rvs(2000, random_state=1)),
}


@pytest.mark.parametrize("reason", POOR_FITS)
def test_evt_falls_back_to_conformal_and_says_why(reason: str) -> None:
    scores = POOR_FITS[reason]
    calibration, conformal = (c.calibrate(scores, normals(scores)) for c in (EVT(), Conformal()))
    assert reason in calibration.warnings[0]
    assert calibration.parameters["fallback"] == "conformal"
    assert calibration.kind == "evt"
    assert (calibration.threshold, calibration.promised_rate) == (
        conformal.threshold,
        conformal.promised_rate,
    )


def test_evt_on_few_scores_passes_the_conformal_warning_on() -> None:
    scores = np.arange(5.0)
    calibration = EVT().calibrate(scores, normals(scores))
    assert len(calibration.warnings) == 2
    assert "at least 19 needed" in calibration.warnings[1]
    assert calibration.promised_rate == pytest.approx(1 / 6)


def test_evt_on_many_scores_is_seeded() -> None:
    scores = np.random.default_rng(8).exponential(size=100_000)
    first, second = (EVT(seed=3).calibrate(scores, normals(scores)) for _ in range(2))
    assert first == second
    assert first.parameters["fallback"] == "none"
    assert stats.expon.sf(first.threshold) == pytest.approx(0.05, rel=0.05)


# ---- all of them


@pytest.mark.parametrize("calibrator", ALL, ids=kind_of)
@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_decisions_ignore_offset_scale_and_order(calibrator: Calibrator, data: st.DataObject) -> None:
    """Powers of two and whole numbers, so that nothing is lost to rounding before the calibrator sees it."""
    scores = np.array(data.draw(st.lists(st.integers(0, 500), min_size=30, max_size=120)), dtype=float)
    labels = np.zeros(len(scores), dtype=np.int64)
    labels[-5:] = 1
    scale, offset = data.draw(st.sampled_from([0.25, 1.0, 8.0])), data.draw(st.integers(-4096, 4096))
    order = np.random.default_rng(data.draw(st.integers(0, 9))).permutation(len(scores))
    plain = calibrator.calibrate(scores, labels)
    moved_scores = scores * scale + offset
    moved = calibrator.calibrate(moved_scores[order], labels[order])
    assert moved.threshold == pytest.approx(plain.threshold * scale + offset, rel=1e-9, abs=1e-9)
    if calibrator.kind != "sigma":  # whose threshold is a rounded sum that a score may equal
        assert ((moved_scores >= moved.threshold) == (scores >= plain.threshold)).all()


@pytest.mark.parametrize("calibrator", NORMALS_ONLY, ids=kind_of)
def test_anomalous_scores_do_not_move_the_normals_only_calibrators(calibrator: Calibrator) -> None:
    rng = np.random.default_rng(2)
    scores = rng.gamma(3.0, size=200)
    mixed, labels = np.concatenate([scores, rng.normal(50, 9, 60)]), np.repeat([0, 1], [200, 60])
    assert calibrator.calibrate(mixed, labels) == calibrator.calibrate(scores, normals(scores))


@pytest.mark.parametrize("calibrator", ALL, ids=kind_of)
@pytest.mark.parametrize(
    ("scores", "labels", "message"),
    [
        ([1.0, math.nan, 2.0], [0, 0, 1], r"score nan at position 1 must be finite"),
        ([1.0, 3.0, math.inf], [0, 0, 1], r"score inf at position 2"),
        ([1.0, 2.0], [1, 1], r"0 normal calibration scores"),
        ([], [], r"0 normal calibration scores"),
        ([1.0, 2.0], [0], r"shape \(2,\) and labels of shape \(1,\)"),
        ([[1.0], [2.0]], [[0], [1]], r"flatten"),
        ([1.0, 2.0], [0, 2], r"labels must be 0 \(normal\) or 1"),
        (["a", "b"], [0, 1], r"must be real numbers"),
    ],
)
def test_bad_input_is_refused(calibrator: Calibrator, scores: Any, labels: Any, message: str) -> None:
    with pytest.raises(AdshiftError, match=message) as error:
        calibrator.calibrate(np.array(scores), np.array(labels, dtype=np.int64))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("alpha", [0, 1, -0.1, 1.5, math.nan, True, "0.05", None])
@pytest.mark.parametrize("calibrator", [Quantile, Conformal, EVT])
def test_alpha_outside_its_bounds_is_refused(calibrator: Any, alpha: Any) -> None:
    with pytest.raises(AdshiftError, match=r"threshold\.alpha=.* must be in \(0, 1\)"):
        calibrator(alpha)


def test_other_parameters_outside_their_bounds_are_refused() -> None:
    for k in (0, -1.0, math.inf, math.nan, "3"):
        with pytest.raises(AdshiftError, match=r"threshold\.k="):
            Sigma(k)  # type: ignore[arg-type]
    with pytest.raises(AdshiftError, match=r"alpha=0\.2 must be below threshold\.tail=0\.1"):
        EVT(alpha=0.2, tail=0.1)
    with pytest.raises(AdshiftError, match=r"threshold\.tail=1 must be in"):
        EVT(tail=1)
    with pytest.raises(AdshiftError, match=r"threshold\.seed=-1"):
        EVT(seed=-1)


def test_a_threshold_above_the_largest_float_is_refused() -> None:
    scores = np.full(30, np.finfo(np.float64).max)
    with pytest.raises(AdshiftError, match="threshold=inf must be a finite number"):
        Quantile().calibrate(scores, normals(scores))


# ---- cross-fitting


@given(st.integers(2, 60), st.integers(2, 60), st.integers(0, 5))
def test_folds_are_balanced_and_seeded(n: int, k: int, seed: int) -> None:
    if k > n:
        return
    fold_N = folds(n, k, seed)
    counts = np.bincount(fold_N, minlength=k)
    assert (fold_N.shape, len(counts)) == ((n,), k)
    assert counts.max() - counts.min() <= 1
    assert (fold_N == folds(n, k, seed)).all()


def test_folds_depend_on_the_seed_and_are_shuffled() -> None:
    assert (folds(100, 5, 0) != folds(100, 5, 1)).any()
    assert (folds(100, 5, 0) != np.arange(100) % 5).any()


@pytest.mark.parametrize("k", [-1, 0, 1, 11, 2.0, True])
def test_folds_outside_their_bounds_are_refused(k: Any) -> None:
    with pytest.raises(AdshiftError, match=r"folds=.* must be a whole number in \[2, 10\]"):
        folds(10, k, 0)
    with pytest.raises(AdshiftError, match=r"folds="):
        crossfit_calibration(Conformal(), np.arange(10.0), k)


@pytest.mark.parametrize("calibrator", NORMALS_ONLY, ids=kind_of)
def test_crossfit_keeps_the_calibrators_threshold_and_states_the_promise(calibrator: Calibrator) -> None:
    scores = np.random.default_rng(0).gamma(2.0, size=80)
    plain, crossfit = (
        calibrator.calibrate(scores, normals(scores)),
        crossfit_calibration(calibrator, scores, 5),
    )
    assert crossfit.parameters == {**plain.parameters, "folds": 5}
    assert "cross-fitted over 5 folds" in crossfit.warnings[-1]
    assert replace(crossfit, parameters=plain.parameters, warnings=plain.warnings) == plain
    bounded = f"the worst case is {worst_case_rate(0.05, 80, 5):.3g} if" in crossfit.warnings[-1]
    assert bounded == (calibrator.kind == "conformal")


def test_crossfit_without_a_promise_states_no_bound() -> None:
    scores = np.arange(10.0)  # too few for conformal to promise 5 %
    crossfit = crossfit_calibration(Conformal(0.05), scores, 5)
    assert crossfit.promised_rate == Conformal(0.05).calibrate(scores, normals(scores)).promised_rate
    assert ("the worst case is" in crossfit.warnings[-1]) == (crossfit.promised_rate is not None)


def test_crossfit_refuses_f1() -> None:
    with pytest.raises(AdshiftError, match=r"threshold=f1 cannot be cross-fitted"):
        crossfit_calibration(F1(), np.arange(10.0), 5)


def test_worst_case_rate_is_the_cv_plus_bound() -> None:
    assert worst_case_rate(0.05, 80, 80) == pytest.approx(0.1)  # the jackknife+: 2 alpha
    assert worst_case_rate(0.05, 80, 5) == pytest.approx(0.1 + 1.6 / 17)
    assert worst_case_rate(0.05, 80, 40) == pytest.approx(0.1 + 0.5 / 41)  # many folds: the other bound is the smaller
    for n, k in [(20, 2), (100, 10), (500, 5), (60, 60)]:
        assert worst_case_rate(0.05, n, k) <= 0.1 + math.sqrt(2 / n)  # the weaker form of the theorem
    assert worst_case_rate(0.9, 10, 2) == 1.0


def nearest(queries_ND: np.ndarray, bank_MD: np.ndarray) -> np.ndarray:
    return np.asarray(np.sqrt(((queries_ND[:, None] - bank_MD[None]) ** 2).sum(-1)).min(axis=1))


def test_crossfit_on_a_memory_bank_keeps_alpha() -> None:
    """Nearest-neighbour distance in 4 dimensions, 60 training points, 5 folds: the setting of split=official."""
    rng, alarms, tests = np.random.default_rng(0), 0, 0
    for seed in range(300):
        train, new = rng.normal(size=(60, 4)), rng.normal(size=(50, 4))
        fold_N, out_of_fold_N = folds(60, 5, seed), np.empty(60)
        for fold in range(5):
            out_of_fold_N[fold_N == fold] = nearest(train[fold_N == fold], train[fold_N != fold])
        threshold = crossfit_calibration(Conformal(0.1), out_of_fold_N, 5).threshold
        alarms, tests = alarms + int((nearest(new, train) >= threshold).sum()), tests + 50
    assert 0.05 < alarms / tests <= 0.1 + 0.01
    in_sample = np.sort(nearest(train, train))
    assert in_sample[-1] == 0.0  # what cross-fitting avoids: the bank contains the image


# ---- intervals, JSON, configuration


@pytest.mark.parametrize(("successes", "n"), [(0, 41), (41, 41), (1, 1), (3, 40), (20, 40), (7, 1000)])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_binomial_interval_is_scipys_exact_one(successes: int, n: int, level: float) -> None:
    reference = stats.binomtest(successes, n).proportion_ci(level, method="exact")
    assert binomial_interval(successes, n, level) == pytest.approx((reference.low, reference.high), abs=1e-10)


def test_binomial_interval_is_of_95_percent_where_nothing_is_said() -> None:
    assert binomial_interval(3, 40) == binomial_interval(3, 40, 0.95)


@pytest.mark.parametrize(
    ("successes", "n", "level"), [(0, 0, 0.95), (-1, 5, 0.95), (6, 5, 0.95), (1, 5, 1.0), (1, 5, 0.0)]
)
def test_binomial_interval_refuses(successes: int, n: int, level: float) -> None:
    with pytest.raises(AdshiftError, match="must be"):
        binomial_interval(successes, n, level)


@pytest.mark.parametrize("calibrator", ALL, ids=kind_of)
def test_json_round_trip(calibrator: Calibrator) -> None:
    rng = np.random.default_rng(1)
    scores, labels = rng.normal(size=60), np.repeat([0, 1], [15, 45])
    calibration = calibrator.calibrate(scores, labels)
    assert Calibration.from_json(json.loads(json.dumps(calibration.to_json(), allow_nan=False))) == calibration


GOOD: dict[str, Any] = Calibration("quantile", {"alpha": 0.05}, 1.5, 20, 0.05, ("a",)).to_json()


@pytest.mark.parametrize(
    "change",
    [
        {"threshold": math.nan},
        {"threshold": math.inf},
        {"threshold": "1.5"},
        {"threshold": True},
        {"threshold": None},
        {"kind": ""},
        {"kind": 3},
        {"n": 0},
        {"n": 20.0},
        {"n": True},
        {"promised_rate": 1.01},
        {"promised_rate": -0.1},
        {"promised_rate": math.nan},
        {"parameters": [1]},
        {"parameters": {"alpha": None}},
        {"parameters": {"alpha": math.inf}},
        {"parameters": {"alpha": [0.05]}},
        {"warnings": "a"},
        {"warnings": [1]},
        {"extra": 1},
    ],
    ids=str,
)
def test_json_with_a_wrong_value_is_refused(change: dict[str, Any]) -> None:
    assert Calibration.from_json(GOOD).n == 20
    with pytest.raises(AdshiftError) as error:
        Calibration.from_json({**GOOD, **change})
    name, value = next(iter(change.items()))
    shown = (1,) if value == [1] and name == "warnings" else value
    told = "unknown ['extra']" if name == "extra" else f"calibration {name}={shown!r} must be "
    assert told in str(error.value)
    if value == "a":
        assert "must be a list of texts; mend" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("key", sorted(GOOD))
def test_json_with_a_missing_key_is_refused(key: str) -> None:
    with pytest.raises(AdshiftError, match=f"missing \\['{key}'\\]"):
        Calibration.from_json({k: v for k, v in GOOD.items() if k != key})


def test_json_that_is_no_object_is_refused() -> None:
    with pytest.raises(AdshiftError, match="type list must be a JSON object"):
        Calibration.from_json([GOOD])  # type: ignore[arg-type]


@pytest.mark.parametrize("calibrator", ALL, ids=kind_of)
def test_config_builds_the_default_calibrator(calibrator: Calibrator) -> None:
    from hydra.utils import instantiate

    path = REPO / "conf" / "threshold" / f"{calibrator.kind}.yaml"
    config = OmegaConf.load(path)
    assert isinstance(config, DictConfig)
    assert config.pop("scope") == "category"
    assert (config.pop("pixel"), config.pop("region")) == (("pixels", 1) if calibrator.kind == "f1" else ("image", 16))
    assert instantiate(config) == calibrator
