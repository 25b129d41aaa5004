"""Areas under counted curves: the arithmetic that image, pixel and resampled figures share.

Legend: V = vertices of a curve in the order of falling thresholds; leading axes (replicates) are free. A curve
starts at an implied (0, 0) and its last vertex is (all negatives, all positives). Undefined results are NaN here and
become None at the edge of the package (`defined`).
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from adshift.errors import AdshiftError

FloatArray = npt.NDArray[np.float64]
AnyArray = npt.NDArray[Any]


def defined(value: FloatArray | float) -> float | None:
    """The scalar as a Python float, or None where it is NaN."""
    number = float(value)
    return None if math.isnan(number) else number


def ratio(top: FloatArray, bottom: FloatArray) -> FloatArray:
    """`top / bottom`, NaN where `bottom` is 0 (a rate over an empty set is undefined)."""
    top, bottom = np.broadcast_arrays(np.asarray(top, np.float64), np.asarray(bottom, np.float64))
    quotient: FloatArray = np.divide(top, bottom, out=np.full(top.shape, np.nan), where=bottom != 0)
    return quotient


def _steps(curve_V: AnyArray) -> AnyArray:
    """What each vertex adds to the one before it; the first one to zero."""
    return np.diff(curve_V, axis=-1, prepend=0)


def roc_area(fp_V: AnyArray, tp_V: AnyArray) -> FloatArray:
    """Area under the ROC curve by trapezoids, so that a tie between the classes counts one half.

    `fp_V` and `tp_V` (..., V) are false and true positives at each vertex; the result (...) is NaN where a class is
    empty.
    """
    middle = tp_V - _steps(tp_V) / 2
    one_class = (fp_V[..., -1] == 0) | (tp_V[..., -1] == 0)
    area = np.sum(_steps(fp_V) * middle, axis=-1)
    return ratio(area, np.where(one_class, 0.0, fp_V[..., -1].astype(np.float64) * tp_V[..., -1]))


def precision_area(fp_V: AnyArray, tp_V: AnyArray) -> FloatArray:
    """Average precision: sum of (recall gained at a vertex) x (precision there), without interpolation.

    Shapes as in `roc_area`; NaN where a class is empty (with no negatives every ranking would get 1).
    """
    called = fp_V + tp_V
    precision = np.divide(tp_V, called, out=np.zeros(called.shape), where=called > 0)
    one_class = (fp_V[..., -1] == 0) | (tp_V[..., -1] == 0)
    return ratio(np.sum(_steps(tp_V) * precision, axis=-1), np.where(one_class, 0.0, tp_V[..., -1]))


def f1_peak(fp_V: AnyArray, tp_V: AnyArray) -> FloatArray:
    """Largest F1 over the vertices; NaN where a class is empty. Shapes as in `roc_area`."""
    positives = tp_V[..., -1:]
    one_class = (fp_V[..., -1] == 0) | (tp_V[..., -1] == 0)
    f1 = np.max(ratio(2.0 * tp_V, tp_V + fp_V + positives), axis=-1)
    return np.where(one_class, np.nan, f1)


def area_to_limit(x_V: AnyArray, y_V: AnyArray, limit: float) -> FloatArray:
    """Trapezoid area of y over x in [0, limit], divided by `limit`; the segment that crosses the limit is cut linearly.

    `x_V` (..., V) rises to 1 (a false-positive rate), `y_V` (..., V) is the overlap. Raises AdshiftError for a limit
    outside (0, 1].
    """
    if not 0 < limit <= 1:
        raise AdshiftError(f"limit={limit} must be in (0, 1]; the usual ones are 0.3 and 0.05")
    zero = np.zeros((*x_V.shape[:-1], 1))
    x = np.concatenate([zero, x_V], axis=-1)
    y = np.concatenate([zero, y_V], axis=-1)
    area = np.sum(np.diff(np.minimum(x, limit), axis=-1) * (y[..., 1:] + y[..., :-1]), axis=-1) / 2
    # The crossing segment was given its far end's height: take back what lies above the line at the limit.
    left = np.sum(x <= limit, axis=-1, keepdims=True) - 1
    right = np.minimum(left + 1, x.shape[-1] - 1)
    x_left, x_right = np.take_along_axis(x, left, -1), np.take_along_axis(x, right, -1)
    y_left, y_right = np.take_along_axis(y, left, -1), np.take_along_axis(y, right, -1)
    kept = np.where(x_right > x_left, (limit - x_left) / np.where(x_right > x_left, x_right - x_left, 1.0), 1.0)
    excess = (limit - x_left) * (y_right - y_left) * (1 - kept) / 2
    return np.asarray((area - excess[..., 0]) / limit)
