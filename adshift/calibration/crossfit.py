"""Cross-fitted calibration: a threshold where every normal image is needed for training (split=official)."""

from dataclasses import replace

import numpy as np

from adshift.calibration.calibration import Calibration, Calibrator
from adshift.errors import AdshiftError


def folds(n: int, k: int, seed: int) -> np.ndarray:
    """Fold number (0 to k - 1, int64) of each of n images, shuffled by `seed`; sizes differ by at most 1.

    Raises:
        AdshiftError: k below 2 or above n.
    """
    _check_folds(k, n)
    return np.asarray(np.random.default_rng(seed).permutation(np.arange(n, dtype=np.int64) % k))


def crossfit_calibration(
    calibrator: Calibrator, scores_out_of_fold_N: np.ndarray, folds: int, groups_N: np.ndarray | None = None
) -> Calibration:
    """The threshold for the model fitted on all N normals, from scores by models that had not seen the image.

    Score i comes from the model fitted without the fold of image i. The calibrator takes the N scores as if
    they were held out; the threshold then serves the model fitted on all. What that promises of a rate alpha:

    - About alpha where a fold's model scores a new image like the full model does (stability; Barber et al.
      2021 on the jackknife, of which this is the K-fold form).
    - At most `worst_case_rate` for `conformal`, where adding training images never raises a score (a full
      memory bank with unweighted nearest-neighbour distances). What the full model calls anomalous, every
      fold's model then scores at least as high, so the cross-conformal p-value is at most alpha and the CV+
      bound applies.
    - Without either, nothing in the worst case. CV+ and cross-conformal prediction would keep the bound for
      any method, but they run K models on every test image.

    Normally it errs on the safe side: fold models have seen less, so that their scores are higher.

    Sources: Vovk, Annals of Mathematics and Artificial Intelligence 2015; Barber, Candes, Ramdas, Tibshirani,
    Annals of Statistics 2021 (theorems 1 and 4).

    Args:
        calibrator: any that needs normals alone.
        scores_out_of_fold_N: raw out-of-fold scores of the N train normals.
        folds: K, the number of folds, in [2, N].
        groups_N: as in `Calibrator.calibrate`; the folds are then of whole groups, which take the place of images
            above.

    Returns:
        The calibrator's result with the parameter `folds` and a warning that states the promise.

    Raises:
        AdshiftError: a calibrator that needs anomalies, K out of bounds, and what the calibrator refuses.
    """
    if calibrator.needs_anomalies:
        raise AdshiftError(
            f"threshold={calibrator.kind} cannot be cross-fitted, for train images are all normal; "
            "use threshold=conformal, quantile, evt or sigma"
        )
    scores = np.asarray(scores_out_of_fold_N)
    _check_folds(folds, scores.size)
    calibration = calibrator.calibrate(scores, np.zeros(scores.shape, dtype=np.int64), groups_N)
    return replace(
        calibration,
        parameters={**calibration.parameters, "folds": folds},
        warnings=(*calibration.warnings, _promise(calibration, folds)),
    )


def worst_case_rate(alpha: float, n: int, k: int) -> float:
    """The CV+ bound on the false-alarm rate at level alpha with n scores in k equal folds, in [0, 1].

    2 alpha + min(2 (1 - 1/k) / (n/k + 1), (1 - k/n) / (k + 1)); 2 alpha alone for k = n, the jackknife+.
    Barber et al. 2021, theorem 4.
    """
    return min(1.0, 2 * alpha + min(2 * (1 - 1 / k) / (n / k + 1), (1 - k / n) / (k + 1)))


def _promise(calibration: Calibration, k: int) -> str:
    start = f"cross-fitted over {k} folds: the promised rate"
    if calibration.kind != "conformal" or calibration.promised_rate is None:
        return f"{start} is approximate; the threshold serves a model fitted on more images"
    count = int(calibration.parameters.get("groups", calibration.n))
    bound = worst_case_rate(calibration.promised_rate, count, k)
    return (
        f"{start} is approximate; the worst case is {bound:.3g} if more training images never raise a score, "
        "and unbounded otherwise"
    )


def _check_folds(k: int, n: int) -> None:
    if isinstance(k, bool) or not isinstance(k, int) or not 2 <= k <= n:
        raise AdshiftError(f"folds={k!r} must be a whole number in [2, {n}] for {n} images; 5 is the usual one")
