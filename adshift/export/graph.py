"""A fitted method as one graph of plain tensor operations: an image in, score and map out."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from adshift.data.images import IMAGENET_MEAN, IMAGENET_STD
from adshift.errors import AdshiftError
from adshift.export.resize import PillowResize
from adshift.methods.method import Method


class DetectorGraph(nn.Module):
    """Normalisation, then the method.

    Args:
        inner: maps normalised images to scores and maps.
    """

    mean_311: Tensor
    std_311: Tensor

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner
        self.register_buffer("mean_311", torch.tensor(IMAGENET_MEAN).view(3, 1, 1))
        self.register_buffer("std_311", torch.tensor(IMAGENET_STD).view(3, 1, 1))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Scores float32 [B] and maps float32 [B, S, S] of RGB images float32 [B, 3, S, S] in [0, 1]."""
        score, anomaly_map = self.inner((image - self.mean_311) / self.std_311)
        return score, anomaly_map


class PictureGraph(nn.Module):
    """The resize of pictures as they come, then the detector.

    Args:
        detector: takes images of S x S.
        image_size: S.
    """

    def __init__(self, detector: DetectorGraph, image_size: int) -> None:
        super().__init__()
        self.resize = PillowResize(image_size)
        self.detector = detector

    def forward(self, picture_BHW3: Tensor) -> tuple[Tensor, Tensor]:
        """Scores float32 [B] and maps float32 [B, S, S] of RGB pictures uint8 [B, H, W, 3]."""
        score, anomaly_map = self.detector(self.resize(picture_BHW3) / 255.0)
        return score, anomaly_map


def detector_graph(method: Method, image_size: int) -> DetectorGraph:
    """The graph of a fitted method.

    Raises:
        AdshiftError: a method that has none, or none with its settings or on its backbone.
    """
    if method.exportable is None:
        raise AdshiftError(f"method {type(method).__name__} has no exported form; PatchCore and PaDiM have")
    return DetectorGraph(method.exportable(image_size)).eval()
