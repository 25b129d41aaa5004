"""What the small backbone is trained for: a fault lies far from every patch of the whole part, in another light too."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

TEMPERATURE = 0.1
PATCHES = 64


class Losses(NamedTuple):
    """The two parts, scalars."""

    novelty: Tensor
    identity: Tensor


def squared_distances(query_BPD: Tensor, bank_BMD: Tensor) -> Tensor:
    """Squared distances [B, P, M] within each image."""
    products = query_BPD @ bank_BMD.transpose(1, 2)
    return (query_BPD.square().sum(2)[:, :, None] + bank_BMD.square().sum(2)[:, None] - 2 * products).clamp_min(0)


def novelty_loss(query_BPD: Tensor, bank_BMD: Tensor, normal_BP: Tensor, faulty_BP: Tensor) -> Tensor:
    """Order the distances to the nearest patch as PatchCore would score them: each faulty patch over each normal one.

    Args:
        query_BPD: patch embeddings of the damaged views.
        bank_BMD: patch embeddings of the whole views.
        normal_BP, faulty_BP: which query patches are; those that are neither do not count.

    Returns:
        mean of log(1 + exp(-(s_faulty - s_normal) / t)) over the pairs within each image, distances in units of the mean
        distance between patches; t = 0.1.
    """
    squared_BPM = squared_distances(query_BPD, bank_BMD)
    scale = (squared_BPM.detach().mean() + 1e-6).sqrt()
    score_BP = (squared_BPM.amin(2) + 1e-6).sqrt() / scale
    gap_BPP = (score_BP[:, :, None] - score_BP[:, None]) / TEMPERATURE
    pair_BPP = (faulty_BP[:, :, None] & normal_BP[:, None]).float()
    per_image_B = (functional.softplus(-gap_BPP) * pair_BPP).sum((1, 2)) / pair_BPP.sum((1, 2)).clamp_min(1)
    has_B = pair_BPP.amax((1, 2))
    return (per_image_B * has_B).sum() / has_B.sum().clamp_min(1)


def identity_loss(anchor_ND: Tensor, same_ND: Tensor, content_NC: Tensor, alike: float = 0.1) -> Tensor:
    """InfoNCE (van den Oord et al., 2018) over patches: find the same place of the same part under the other light.

    Args:
        anchor_ND, same_ND: embeddings of the same N places in two views.
        content_NC: the scene's own pixels there; places whose root mean square difference is under ``alike`` are no
            negatives of each other.
        alike: see above.
    """
    logits_NN = functional.normalize(anchor_ND, dim=1) @ functional.normalize(same_ND, dim=1).T / TEMPERATURE
    close_NN = torch.cdist(content_NC, content_NC) < alike * content_NC.shape[1] ** 0.5
    close_NN.fill_diagonal_(False)
    target_N = torch.arange(len(anchor_ND))
    return functional.cross_entropy(logits_NN.masked_fill(close_NN, -torch.inf), target_N)
