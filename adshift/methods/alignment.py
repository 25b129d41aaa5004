"""An affine map that brings embeddings of one domain to the statistics of another."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

CHUNK_ROWS = 16384
EIGENVALUE_FLOOR = 1e-6
"""As a share of the largest: directions with less variance are not stretched further."""


@dataclass(frozen=True)
class Moments:
    """The mean [D] and covariance [D, D] of embeddings, float64."""

    mean_D: Tensor
    covariance_DD: Tensor

    def mixed(self, other: Moments, weight: float) -> Moments:
        """This one's statistics moved towards ``other``'s: ``weight`` 0 keeps them, 1 gives the other's."""
        return Moments(
            torch.lerp(self.mean_D, other.mean_D, weight), torch.lerp(self.covariance_DD, other.covariance_DD, weight)
        )


def moments(parts: Iterable[Tensor]) -> Moments:
    """The statistics of all rows of ``parts`` [..., D], mapped or not; read once, in chunks."""
    count, sum_D, outer_DD, origin_D = 0, None, None, None
    for part in parts:
        for chunk in part.flatten(0, -2).split(CHUNK_ROWS):
            rows_ND = chunk.double()
            if origin_D is None or sum_D is None or outer_DD is None:
                origin_D = rows_ND.mean(0)  # a large common offset would cancel
                sum_D, outer_DD = torch.zeros_like(origin_D), rows_ND.new_zeros(len(origin_D), len(origin_D))
            rows_ND = rows_ND - origin_D
            sum_D += rows_ND.sum(0)
            outer_DD += rows_ND.T @ rows_ND
            count += len(rows_ND)
    assert origin_D is not None
    assert sum_D is not None
    assert outer_DD is not None
    offset_D = sum_D / count
    return Moments(origin_D + offset_D, outer_DD / count - offset_D[:, None] * offset_D)


@dataclass(frozen=True)
class Alignment:
    """x -> (x - from_D) @ matrix_DD + to_D, in float64."""

    from_D: Tensor
    matrix_DD: Tensor
    to_D: Tensor

    def __call__(self, embedding_ND: Tensor) -> Tensor:
        """The mapped rows, of the type and on the device of the given ones."""
        mapped: Tensor = (embedding_ND.cpu().double() - self.from_D) @ self.matrix_DD + self.to_D
        return mapped.to(device=embedding_ND.device, dtype=embedding_ND.dtype)


def alignment(source: Moments, target: Moments, kind: str) -> Alignment:
    """The map that gives rows with the statistics of ``source`` those of ``target``.

    ``moments`` matches the mean and variance of each channel; ``covariance`` whitens with the source's covariance and
    colours with the target's (Sun, Feng, Saenko, "Return of Frustratingly Easy Domain Adaptation", AAAI 2016).
    """
    if kind == "moments":
        ratio_D = _positive(target.covariance_DD.diagonal()) / _positive(source.covariance_DD.diagonal())
        matrix_DD = torch.diag(ratio_D.sqrt())
    else:
        matrix_DD = _power(source.covariance_DD, -0.5) @ _power(target.covariance_DD, 0.5)
    return Alignment(source.mean_D, matrix_DD, target.mean_D)


def _positive(variance_D: Tensor) -> Tensor:
    return variance_D.clamp_min(EIGENVALUE_FLOOR * float(variance_D.max()))


def _power(covariance_DD: Tensor, exponent: float) -> Tensor:
    value_D, vector_DD = torch.linalg.eigh(covariance_DD)
    power_DD: Tensor = (vector_DD * _positive(value_D) ** exponent) @ vector_DD.T
    return power_DD
