"""Exact k-center greedy coreset, by pools of points that are brought up to date only when they can be picked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from adshift.errors import AdshiftError
from adshift.methods.coreset.lazy_distances import PICKED, Bounds, Head, LazyDistances, squared_distances
from adshift.methods.coreset.points import Points
from adshift.methods.distances.coarse import FloatArray, IntArray
from adshift.methods.distances.projection import gaussian_matrix

POOL_ROWS = 8192
HEAD_ROWS = 1024
ROUNDING = 1e-9
"""More than squared distances from a float64 dot product may be wrong by, relative to the largest squared length."""


@dataclass(frozen=True)
class Coreset:
    """The picked rows in the order of picking, and how well they cover the rest.

    Attributes:
        indices_M: int64 rows of the embedding, on the CPU, in pick order.
        radius_M: float64, the covering radius after each pick in the space searched: the largest distance of any point to
            its nearest centre. NaN for the picks of a given prefix but the last.
        bounds: what a continuation can start from.
    """

    indices_M: Tensor
    radius_M: Tensor
    bounds: Bounds

    @property
    def radius(self) -> float:
        """The covering radius of the whole coreset."""
        return float(self.radius_M[-1])


def greedy_coreset(
    embedding: Tensor | Sequence[Tensor],
    count: int,
    *,
    generator: torch.Generator,
    projection_dim: int | None = 128,
    prefix_P: Tensor | None = None,
    bounds: Bounds | None = None,
    progress: bool = False,
) -> Coreset:
    """Pick `count` rows by k-center greedy: a random first one, then always the row farthest from those picked.

    The picks are those of the plain loop in float64 (ties go to the lowest row; once every distinct row is a centre, the
    remaining picks are the lowest rows not yet picked). The order has the prefix property: the first n picks are the
    coreset of n. Work is saved, not accuracy: distances only fall, so an old one bounds the present one from above.

    Args:
        embedding: [N, D] float rows, or several such parts whose rows count on from one to the next; may be memory-mapped
            CPU tensors (they are read in chunks, never copied whole).
        count: number of picks, prefix included, in [1, N].
        generator: draws the projection first and the first pick second, whatever else is given.
        projection_dim: Gaussian projection to this many dimensions where D is larger; None searches the rows as they are.
        prefix_P: picks of an earlier call with the same embedding, projection and generator state, to be continued.
        bounds: those of the call that made exactly this prefix; without them they are found anew, at some cost.
        progress: show a bar that counts picks.

    Raises:
        AdshiftError: count outside [1, N], an unusable prefix or projection_dim, values that are not finite.

    Source: Sener & Savarese, ICLR 2018, Algorithm 1; Roth et al., CVPR 2022 (PatchCore), Algorithm 1.
    """
    parts = [embedding] if isinstance(embedding, Tensor) else embedding
    _check(parts, count, projection_dim)
    size, dim = sum(map(len, parts)), parts[0].shape[1]
    matrix_DP = None
    if projection_dim is not None and dim > projection_dim:
        matrix_DP = gaussian_matrix(dim, projection_dim, generator)
    points = Points(parts, matrix_DP)
    first = int(torch.randint(size, (1,), generator=generator, device=generator.device))
    picks = np.array([first]) if prefix_P is None else _checked_prefix(prefix_P, size, count)
    distances = LazyDistances(points, count)
    distances.start(picks, _checked_bounds(bounds, prefix_P, size))
    with _bar(progress, len(picks), count) as bar:
        more, squared = _extend(distances, count - len(picks), bar)
    unknown = np.full(len(picks) - 1, np.nan)
    squared = np.concatenate(
        [unknown, squared, [_largest_squared(distances)]]
    )  # a pick's distance: the radius before it
    indices_M = torch.from_numpy(np.concatenate([picks, more]))
    return Coreset(indices_M, torch.from_numpy(np.sqrt(squared)), distances.bounds())


def _extend(distances: LazyDistances, count: int, bar: Any) -> tuple[IntArray, FloatArray]:
    """Pick `count` more points, pool by pool; a pool or head that yields none is doubled until it does.

    Returns the picks, and each one's squared distance to the centres before it.
    """
    picks: list[IntArray] = [np.empty(0, np.int64)]
    squared: list[FloatArray] = [np.empty(0)]
    pool_rows, head_rows = POOL_ROWS, HEAD_ROWS
    while count > 0:
        head = distances.head(pool_rows, head_rows)
        if head.complete and head.squared_H.max(initial=0.0) <= 0:
            fresh = distances.unpicked()[:count]
            far = np.zeros(len(fresh))
            distances.add_centres(fresh)
        else:
            fresh, far = _pick_inside(head, count)
            distances.commit(head, fresh)
        if len(fresh):
            pool_rows, head_rows = POOL_ROWS, HEAD_ROWS
        elif len(head.rows_H) < head_rows:  # the pool held too few points that are still far
            pool_rows *= 2
        else:  # more points than the head holds are equally far
            pool_rows, head_rows = pool_rows * 2, head_rows * 2
        picks.append(fresh)
        squared.append(far)
        count -= len(fresh)
        bar.update(len(fresh))
    return np.concatenate(picks), np.concatenate(squared)


def _pick_inside(head: Head, count: int) -> tuple[IntArray, FloatArray]:
    """Plain greedy inside the head for as long as its farthest point is farther than any outside it.

    A dot product tells which points a pick may come nearer to; those alone are compared from differences.

    Returns the picks, and each one's squared distance to the centres before it.
    """
    squared_H, points_HP = head.squared_H, head.points_HP
    norm_H = np.square(points_HP).sum(-1)
    slack = ROUNDING * norm_H.max(initial=0.0)
    picks: list[int] = []
    far: list[float] = []
    while len(picks) < count and len(squared_H):
        farthest = int(squared_H.argmax())
        if squared_H[farthest] <= max(head.outside, 0.0):
            break
        picks.append(int(head.rows_H[farthest]))
        far.append(float(squared_H[farthest]))
        pick_P = points_HP[farthest]
        rough_H = norm_H - 2 * (points_HP @ pick_P)
        near = np.flatnonzero(rough_H < squared_H + (slack - norm_H[farthest]))
        squared_H[near] = np.minimum(squared_H[near], squared_distances(points_HP[near], pick_P))
        squared_H[farthest] = PICKED
    return np.array(picks, dtype=np.int64), np.array(far)


def _largest_squared(distances: LazyDistances) -> float:
    """The exact squared covering radius."""
    growth = 1
    while True:
        head = distances.head(POOL_ROWS * growth, HEAD_ROWS * growth)
        largest = float(head.squared_H.max(initial=PICKED))
        if largest >= head.outside:
            return max(largest, 0.0)
        growth *= 2


def _check(parts: Sequence[Tensor], count: int, projection_dim: int | None) -> None:
    for part in parts:
        if part.ndim != 2 or 0 in part.shape or not part.is_floating_point():
            raise AdshiftError(
                f"embedding of shape {tuple(part.shape)} and type {part.dtype} must be [N, D] floats with N, D >= 1; "
                "give at least one nominal patch"
            )
        if (part.shape[1], part.dtype, part.device) != (parts[0].shape[1], parts[0].dtype, parts[0].device):
            raise AdshiftError(
                f"embedding has parts of {parts[0].shape[1]} and {part.shape[1]} dimensions, types {parts[0].dtype} and "
                f"{part.dtype}, on {parts[0].device} and {part.device}, and all must be alike; give parts of one backbone"
            )
    size = sum(map(len, parts))
    if not 1 <= count <= size:
        raise AdshiftError(f"count={count} must be in [1, {size}], the number of patches; change coreset_ratio")
    if projection_dim is not None and projection_dim < 1:
        raise AdshiftError(f"projection_dim={projection_dim} must be at least 1; give None to search unprojected")


def _checked_prefix(prefix_P: Tensor, size: int, count: int) -> IntArray:
    prefix = np.asarray(prefix_P.detach().cpu().numpy(), dtype=np.int64)
    if prefix.ndim != 1 or not 1 <= len(prefix) <= count:
        raise AdshiftError(f"prefix of shape {prefix.shape} must hold between 1 and count={count} picks; shorten it")
    if prefix.min() < 0 or prefix.max() >= size or len(np.unique(prefix)) < len(prefix):
        raise AdshiftError(f"prefix must hold distinct rows in [0, {size - 1}]; give the picks of the same embedding")
    return prefix


def _checked_bounds(bounds: Bounds | None, prefix_P: Tensor | None, size: int) -> Bounds | None:
    if bounds is None:
        return None
    picked = set(np.flatnonzero(bounds.squared_N == PICKED).tolist())
    if len(bounds.squared_N) != size or prefix_P is None or picked != set(prefix_P.tolist()):
        raise AdshiftError("bounds must be those of the call that made the prefix; leave them out to find them anew")
    return bounds


def _bar(progress: bool, done: int, count: int) -> Any:
    from tqdm.auto import tqdm

    return tqdm(initial=done, total=count, desc="coreset", unit="pick", disable=not progress)
