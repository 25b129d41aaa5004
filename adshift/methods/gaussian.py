"""Per-position Gaussian statistics, accumulated batch by batch: the fit of PaDiM in memory that no image count moves."""

from __future__ import annotations

import torch
from torch import Tensor

from adshift.errors import AdshiftError


class StreamingGaussian:
    """Mean and covariance of P positions of C channels, in float64.

    Sums are taken about the first batch's mean, so that a large common offset does not cancel.
    """

    def __init__(self) -> None:
        self.count = 0
        self._origin_PC: Tensor | None = None
        self._sum_PC: Tensor | None = None
        self._outer_PCC: Tensor | None = None

    def update(self, embedding_BCP: Tensor) -> None:
        """Add a batch [B, C, P]."""
        x_PBC = embedding_BCP.permute(2, 0, 1).double().contiguous()
        if self._origin_PC is None or self._sum_PC is None or self._outer_PCC is None:
            self._origin_PC = x_PBC.mean(dim=1)
            self._sum_PC = torch.zeros_like(self._origin_PC)
            positions, channels = self._origin_PC.shape
            self._outer_PCC = x_PBC.new_zeros((positions, channels, channels))
        x_PBC = x_PBC - self._origin_PC[:, None, :]
        self._sum_PC += x_PBC.sum(dim=1)
        self._outer_PCC.baddbmm_(x_PBC.transpose(1, 2), x_PBC)
        self.count += embedding_BCP.shape[0]

    def mean_and_scatter(self) -> tuple[Tensor, Tensor]:
        """The mean [P, C] and the sum of outer products about it [P, C, C], float64.

        Raises:
            AdshiftError: nothing was added.
        """
        if self._origin_PC is None or self._sum_PC is None or self._outer_PCC is None:
            raise AdshiftError("PaDiM was given 0 train images; it needs at least 1")
        offset_PC = self._sum_PC / self.count
        scatter_PCC = self._outer_PCC - self.count * offset_PC[:, :, None] * offset_PC[:, None, :]
        return self._origin_PC + offset_PC, scatter_PCC

    def mean_and_precision(self, regularisation: float) -> tuple[Tensor, Tensor]:
        """The mean [C, P] and the inverse [P, C, C] of the unbiased covariance + regularisation * I, float32.

        Defard et al., "PaDiM", ICPR 2021, eq. 1. One image has covariance 0; the regularisation alone is left.

        Raises:
            AdshiftError: nothing was added, the statistics are not finite, or a covariance is not positive definite.
        """
        if self._origin_PC is None or self._sum_PC is None or self._outer_PCC is None:
            raise AdshiftError("PaDiM was given 0 train images; it needs at least 1")
        offset_PC = self._sum_PC / self.count
        mean_PC = self._origin_PC + offset_PC
        if not torch.isfinite(mean_PC).all():
            raise AdshiftError("the train embeddings hold NaN or infinite values; check the backbone's weights")
        precision_PCC = torch.empty_like(self._outer_PCC, dtype=torch.float32)
        identity = torch.eye(mean_PC.shape[1], dtype=torch.float64, device=mean_PC.device)
        for part in torch.arange(len(mean_PC), device=mean_PC.device).split(256):
            scatter = self._outer_PCC[part] - self.count * offset_PC[part, :, None] * offset_PC[part, None, :]
            covariance = scatter / max(self.count - 1, 1) + regularisation * identity
            factor, failed = torch.linalg.cholesky_ex(covariance)
            if failed.any():
                largest = float(covariance.diagonal(dim1=1, dim2=2).max())
                raise AdshiftError(
                    f"the covariance at patch {int(part[failed.nonzero()[0, 0]])} is not positive definite: a variance of "
                    f"{largest:.3g} drowns the regularisation {regularisation:g}; check the backbone's weights"
                )
            precision_PCC[part] = torch.cholesky_inverse(factor).float()
        return mean_PC.T.float().contiguous(), precision_PCC


def mixed_gaussians(
    mean_CP: Tensor, precision_PCC: Tensor, other: StreamingGaussian, weight: float, regularisation: float
) -> tuple[Tensor, Tensor]:
    """The moments of a mixture of fitted Gaussians (1 - weight) and those of other images (weight), as a fit gives them.

    With m and S the fit's mean and covariance, and n and T the other's, the mixture has the mean (1 - w) m + w n and the
    covariance (1 - w) S + w T + w (1 - w) (m - n)(m - n)^T. T is the biased covariance: one image has T = 0.

    Args:
        mean_CP, precision_PCC: of the fit, float32; ``regularisation`` is in the precision.
        other: at least one image.
        weight: in [0, 1].
        regularisation: what the fit added to the diagonal.

    Returns:
        The mean [C, P] and the inverse [P, C, C] of the mixture's covariance + regularisation * I, float32.
    """
    own_PC = mean_CP.T.double()
    other_PC, scatter_PCC = other.mean_and_scatter()
    mean_PC = torch.lerp(own_PC, other_PC, weight)
    mixed_PCC = torch.empty_like(precision_PCC)
    for part in torch.arange(len(mean_PC)).split(256):
        own = torch.linalg.inv(precision_PCC[part].double())  # its regularisation is in the result as well
        other_covariance = scatter_PCC[part] / other.count
        other_covariance.diagonal(dim1=1, dim2=2).add_(regularisation)
        gap = own_PC[part] - other_PC[part]
        between = weight * (1 - weight) * gap[:, :, None] * gap[:, None, :]
        mixed_PCC[part] = torch.linalg.inv((1 - weight) * own + weight * other_covariance + between).float()
    return mean_PC.T.float().contiguous(), mixed_PCC
