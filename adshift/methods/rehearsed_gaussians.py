"""What Gaussians would score that are mixed with those of any of some pictures, without an inverse for each mixture.

A mixture's covariance is (1 - w) S + w R plus products of few vectors: the pictures about their mean, and the gap of both
means (``adshift.methods.gaussian.mixed_gaussians``). By Woodbury's identity its Mahalanobis distances need one inverse a
weight, the products of all vectors under it, and a system as large as the number of pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from adshift.methods.alignment import Alignment

POSITIONS = 512
"""That are worked on together."""


class GaussianRehearsal:
    """Image scores of some queries under mixtures that are not made.

    Args:
        mean_CP, precision_PCC: of the fit; ``regularisation`` is in the precision.
        query_QhwD: embeddings of Q images.
        regularisation: what the fit added to the diagonal.
        image_scores: distances [B, h, w] to image scores [B].
    """

    def __init__(
        self,
        mean_CP: Tensor,
        precision_PCC: Tensor,
        query_QhwD: Tensor,
        regularisation: float,
        image_scores: Callable[[Tensor], Tensor],
    ) -> None:
        self._mean_P1C = mean_CP.T.double()[:, None]
        self._precision_PCC = precision_PCC
        self._query_PQC = by_position(query_QhwD) - self._mean_P1C
        self._grid = query_QhwD.shape[1:3]
        self._regularisation = regularisation
        self._image_scores = image_scores

    def extended(
        self, parts: Sequence[Sequence[Tensor]], weight: float, keep: float
    ) -> Callable[[Sequence[int], Sequence[int], Alignment | None], Tensor]:
        """See ``Rehearsal``; ``keep`` is for a memory bank."""
        sizes = [sum(len(image) for image in part) for part in parts]
        ends = torch.tensor(sizes).cumsum(0).tolist()
        rows = [range(end - size, end) for end, size in zip(ends, sizes, strict=True)]
        image_PNC = by_position(torch.cat([image for part in parts for image in part])) - self._mean_P1C
        product_PLL = self._products(torch.cat([image_PNC, self._query_PQC], dim=1), weight)
        first = image_PNC.shape[1]

        def scores(queries: Sequence[int], kept: Sequence[int], alignment: Alignment | None) -> Tensor:
            images = [row for part in kept for row in rows[part]]
            found_PQ = mixture_distances(product_PLL, images, [first + place for place in queries], weight)
            return self._image_scores(found_PQ.T.reshape(-1, *self._grid).float())

        return scores

    def _products(self, vector_PLC: Tensor, weight: float) -> Tensor:
        """x^T ((1 - w) S + w R)^-1 y of all vectors at a position, [P, L, L]."""
        parts = []
        identity_CC = torch.eye(vector_PLC.shape[-1], dtype=torch.float64)
        for part in torch.arange(len(vector_PLC)).split(POSITIONS):
            own_PCC = torch.linalg.inv(self._precision_PCC[part].double())
            factor_PCC = torch.linalg.cholesky((1 - weight) * own_PCC + weight * self._regularisation * identity_CC)
            half_PCL = torch.linalg.solve_triangular(factor_PCC, vector_PLC[part].transpose(1, 2), upper=False)
            parts.append(half_PCL.transpose(1, 2) @ half_PCL)
        return torch.cat(parts)


def by_position(embedding_NhwD: Tensor) -> Tensor:
    """Embeddings as [P, N, D], float64."""
    return embedding_NhwD.flatten(1, 2).transpose(0, 1).double()


def mixture_distances(product_PLL: Tensor, images: Sequence[int], queries: Sequence[int], weight: float) -> Tensor:
    """Mahalanobis distances [P, Q] of some vectors to the mixture of a fit and the Gaussian of some images.

    Args:
        product_PLL: x^T ((1 - w) S + w R)^-1 y of vectors about the fit's mean.
        images: the places of the images' vectors among them.
        queries: the places of those whose distance is asked for.
        weight: w, of the images.
    """
    total, count = product_PLL.shape[-1], len(images)
    mean_L = torch.zeros(total, dtype=torch.float64)
    mean_L[list(images)] = 1 / count
    own_NL = torch.eye(total, dtype=torch.float64)
    spread_NL = (own_NL[list(images)] - mean_L) * (weight / count) ** 0.5
    added_KL = torch.cat([spread_NL, mean_L[None] * (weight * (1 - weight)) ** 0.5])
    asked_QL = own_NL[list(queries)] - weight * mean_L
    cross_PQK = asked_QL @ product_PLL @ added_KL.T
    inner_PKK = torch.eye(count + 1, dtype=torch.float64) + added_KL @ product_PLL @ added_KL.T
    plain_PQ = ((asked_QL @ product_PLL) * asked_QL).sum(-1)
    solved_PKQ = torch.linalg.solve(inner_PKK, cross_PQK.transpose(1, 2))
    square_PQ: Tensor = plain_PQ - (cross_PQK.transpose(1, 2) * solved_PKQ).sum(1)
    return square_PQ.clamp_min(0).sqrt()
