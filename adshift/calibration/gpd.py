"""The generalised Pareto distribution: fit by probability-weighted moments, test by parametric bootstrap.

Shape xi and scale sigma > 0: P(X > x) = (1 + xi x / sigma)^(-1 / xi) for x >= 0, exponential at xi = 0, with
the finite end -sigma / xi where xi < 0. Pickands, Annals of Statistics 1975; Hosking and Wallis,
Technometrics 1987.
"""

import numpy as np

_EXPONENTIAL = 1e-9  # |xi| below this is taken as 0, where the formula loses its digits


def fit_pwm(sorted_BM: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shape and scale of each of B samples of M >= 2 excesses, by probability-weighted moments.

    Hosking and Wallis 1987, section 3.2, with unbiased estimates of a0 = E X and a1 = E X (1 - F(X)):
    xi = 2 - a0 / (a0 - 2 a1), sigma = 2 a0 a1 / (a0 - 2 a1).
    Consistent for xi < 1, with a normal limit for xi < 1/2.

    Args:
        sorted_BM: excesses >= 0, ascending along the last axis.

    Returns:
        shape_B and scale_B; of no meaning for a sample whose excesses are all equal.
    """
    m = sorted_BM.shape[-1]
    weights_M = (m - 1 - np.arange(m)) / (m - 1)
    a0_B = sorted_BM.mean(axis=-1)
    a1_B = (weights_M * sorted_BM).mean(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio_B = a0_B / (a0_B - 2 * a1_B)
        return 2 - ratio_B, 2 * a1_B * ratio_B


def quantile(exceedance: np.ndarray, shape: float, scale: float) -> np.ndarray:
    """The excess that is exceeded with probability `exceedance` in (0, 1], elementwise."""
    if abs(shape) < _EXPONENTIAL:
        return np.asarray(-scale * np.log(exceedance))
    return np.asarray(scale * np.expm1(-shape * np.log(exceedance)) / shape)


def cdf(excess_BM: np.ndarray, shape_B: np.ndarray, scale_B: np.ndarray) -> np.ndarray:
    """P(X <= excess) of each of B distributions at its own M excesses; 1 beyond a finite end."""
    shape_B1, scaled_BM = shape_B[:, None], excess_BM / scale_B[:, None]
    safe_B1 = np.where(np.abs(shape_B1) < _EXPONENTIAL, 1.0, shape_B1)
    with np.errstate(divide="ignore"):
        log_survival_BM = -np.log(np.maximum(1 + safe_B1 * scaled_BM, 0.0)) / safe_B1
    return np.asarray(-np.expm1(np.where(np.abs(shape_B1) < _EXPONENTIAL, -scaled_BM, log_survival_BM)))


def cramer_von_mises(sorted_BM: np.ndarray, shape_B: np.ndarray, scale_B: np.ndarray) -> np.ndarray:
    """Cramer-von Mises distance W^2 between each of B sorted samples and its distribution, shape B."""
    m = sorted_BM.shape[-1]
    middle_M = (2 * np.arange(m) + 1) / (2 * m)
    return np.asarray(1 / (12 * m) + ((cdf(sorted_BM, shape_B, scale_B) - middle_M) ** 2).sum(axis=-1))


def goodness_of_fit(sorted_M: np.ndarray, replicates: int, rng: np.random.Generator) -> float:
    """p-value in (0, 1] of "these M excesses are generalised Pareto": parametric bootstrap of W^2.

    Each replicate is drawn from the fit and fitted anew, so that the p-value knows that the parameters were
    estimated (Stute, Gonzalez Manteiga, Presedo Quindimil, Metrika 1993). Needs excesses that are not all
    equal.
    """
    shape_1, scale_1 = fit_pwm(sorted_M[None])
    observed = cramer_von_mises(sorted_M[None], shape_1, scale_1)[0]
    uniform_BM = 1.0 - rng.random((replicates, sorted_M.size))
    simulated_BM = np.sort(quantile(uniform_BM, float(shape_1[0]), float(scale_1[0])), axis=-1)
    simulated_B = cramer_von_mises(simulated_BM, *fit_pwm(simulated_BM))
    return float((1 + np.count_nonzero(simulated_B >= observed)) / (1 + replicates))
