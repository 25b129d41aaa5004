"""PaDiM (Defard et al., ICPR 2021) through anomalib's PadimModel, on the project's own backbone."""

from __future__ import annotations

import copy
import os
import time
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from adshift.errors import AdshiftError
from adshift.features.backbone import Backbone, exported_form
from adshift.features.resnet import TORCHVISION
from adshift.features.weights import weights_sha256
from adshift.methods.alignment import Alignment
from adshift.methods.gaussian import StreamingGaussian, mixed_gaussians
from adshift.methods.method import Method, Rehearsal, Scope, Scores
from adshift.methods.rehearsed_gaussians import GaussianRehearsal
from adshift.store.sources import sources

REGULARISATION = 0.01 + 1e-5
"""What anomalib adds to the diagonal of the covariance (the paper's 0.01, then 1e-5)."""


class PaDiM(nn.Module):
    """A Gaussian at each position; a place's score is the Mahalanobis distance to it (docs/protocol.md).

    anomalib's model picks the channels, reads them from the features, computes distances and smooths the map. The
    features come from the project's backbone, and the Gaussians from ``StreamingGaussian``, which equals anomalib's
    without holding the embeddings of all images.

    Args:
        backbone: frozen features.
        n_features: channels kept, drawn once from all of the layers' channels; Defard et al. keep 100 of a ResNet-18's.
        seed: seeds that draw; the indices are stored with the model.
    """

    bank = None
    shares_embedding = False

    def __init__(self, backbone: Backbone, n_features: int = 100, seed: int = 0) -> None:
        super().__init__()
        total = sum(backbone.channels)
        if not 1 <= n_features <= total:
            raise AdshiftError(
                f"method.n_features={n_features} must be in [1, {total}], the channels of {backbone.architecture}'s "
                f"{', '.join(backbone.layers)}; the study's is 100"
            )
        os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # else its import asks the network for a newer version
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of its own deprecations
            from anomalib.models.image.padim.torch_model import PadimModel

        known = backbone.architecture in TORCHVISION  # anomalib makes the others' model around a network it knows
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            self.model = PadimModel(
                backbone=backbone.architecture if known else "resnet18",
                layers=list(backbone.layers) if known else ["layer1"],
                pre_trained=False,
                n_features=n_features if known else 1,
            )
            self.model.idx = torch.randperm(total)[:n_features]
        self.model.backbone, self.model.layers = backbone.architecture, list(backbone.layers)
        self.model.n_features_original, self.model.n_features = total, n_features
        self.model.feature_extractor = backbone
        self._gaussian = StreamingGaussian()

    @property
    def backbone(self) -> Backbone:
        """See ``Method``; a part of anomalib's model."""
        backbone: Backbone = self.model.feature_extractor
        return backbone

    def begin_fit(self, n_images: int) -> None:
        """Forget an earlier fit."""
        self._gaussian = StreamingGaussian()

    def embed(self, images_B3SS: Tensor) -> Tensor:
        """The chosen channels on the grid of the first layer, [B, h, w, n_features]."""
        embedding: Tensor = self.model.generate_embedding(self.backbone(images_B3SS))
        return embedding.permute(0, 2, 3, 1)

    def embedding_settings(self) -> dict[str, Any]:
        """See ``Method``."""
        settings = {"weights_sha256": self.weights_sha256, "channels": self.model.idx.tolist()}
        return {**settings, **self.backbone.settings()}

    def embedding_sources(self) -> tuple[str, ...]:
        """See ``Method``."""
        return (__name__, *sources(self.backbone))

    def collect(self, embedding_BHWD: Tensor) -> None:
        """Add a batch to the statistics."""
        self._gaussian.update(embedding_BHWD.permute(0, 3, 1, 2).flatten(2))

    def finish_fit(self, scope: Scope | None = None) -> dict[str, float]:
        """Turn the statistics into means and precisions."""
        started = time.perf_counter()
        mean, precision = self._gaussian.mean_and_precision(REGULARISATION)
        self.model.gaussian.mean, self.model.gaussian.inv_covariance = mean, precision
        self._gaussian = StreamingGaussian()
        return {"gaussian": time.perf_counter() - started}

    def condensed(self, embedding_VhwD: Tensor, ratio: float) -> Tensor:
        """The embeddings themselves: every position has a Gaussian of its own, so none can be left out."""
        return embedding_VhwD

    def repair(
        self, images: Sequence[Tensor], first_image: int, weight: float, alignment: Alignment | None, keep: float = 1.0
    ) -> None:
        """Mix the Gaussians with those of the images: the moments of the mixture, ``weight`` to the images.

        Their own scatter has hardly any rank; the fit's covariance and the regularisation shrink it.
        """
        if not images or weight == 0:
            return
        statistics = StreamingGaussian()
        for image in images:
            statistics.update(image.permute(0, 3, 1, 2).flatten(2).cpu())
        gaussian = self.model.gaussian
        mean, precision = mixed_gaussians(
            gaussian.mean.cpu(), gaussian.inv_covariance.cpu(), statistics, weight, REGULARISATION
        )
        gaussian.mean, gaussian.inv_covariance = mean.to(gaussian.mean), precision.to(gaussian.inv_covariance)

    def rehearsal(self, query_QhwD: Tensor, size: tuple[int, int]) -> Rehearsal:
        """See ``Method``."""
        generator, gaussian = self.model.anomaly_map_generator, self.model.gaussian

        def image_scores(distance_BHW: Tensor) -> Tensor:
            map_B1SS = generator.up_sample(distance_BHW[:, None], torch.Size(size))
            scores: Tensor = generator.smooth_anomaly_map(map_B1SS).amax(dim=(1, 2, 3))
            return scores

        return GaussianRehearsal(
            gaussian.mean.cpu(), gaussian.inv_covariance.cpu(), query_QhwD.cpu(), REGULARISATION, image_scores
        )

    @property
    def weights_sha256(self) -> str:
        """Identity of the backbone's weights."""
        return weights_sha256(self.backbone)

    def bank_shape(self) -> tuple[int, int]:
        """Gaussians, and the bytes of their means and precisions."""
        stored = (self.model.gaussian.mean, self.model.gaussian.inv_covariance)
        return int(stored[0].shape[-1]), sum(t.numel() * t.element_size() for t in stored)

    def cautions(self, n_images: int) -> list[str]:
        """See ``Method``: a covariance that the regularisation alone keeps from being singular."""
        channels = len(self.model.idx)
        if n_images > channels:
            return []
        rank = f"rank {n_images - 1} of {channels}" if n_images > 1 else "zero"
        return [
            f"{n_images} train images give covariances of {rank}: the regularisation {REGULARISATION:g} alone fills them"
        ]

    def misfit(self, state: Mapping[str, Tensor]) -> str:
        """See ``Method``: the channels must exist, and every position must have a Gaussian over them."""
        mean, precision, channels = (
            state[f"model.{name}"] for name in ("gaussian.mean", "gaussian.inv_covariance", "idx")
        )
        total = sum(self.backbone.channels)
        if channels.unique().numel() != channels.numel() or int(channels.min()) < 0 or int(channels.max()) >= total:
            return f"model.idx must name different channels in [0, {total})"
        if mean.ndim != 2 or mean.shape[0] != len(channels) or mean.shape[1] == 0:
            return f"model.gaussian.mean has shape {tuple(mean.shape)}, not [{len(channels)}, P] with P >= 1"
        if precision.shape != (mean.shape[1], mean.shape[0], mean.shape[0]):
            return f"model.gaussian.inv_covariance has shape {tuple(precision.shape)}, which is not that of the mean"
        return ""

    def score(self, embedding_BHWD: Tensor, size: tuple[int, int]) -> Scores:
        """Score embeddings: the image score is the largest value of anomalib's smoothed map."""
        map_B1SS = self.model.anomaly_map_generator(
            embedding=embedding_BHWD.permute(0, 3, 1, 2),
            mean=self.model.gaussian.mean,
            inv_covariance=self.model.gaussian.inv_covariance,
            image_size=torch.Size(size),
        )
        return Scores(map_B1SS.amax(dim=(1, 2, 3)), map_B1SS[:, 0])

    def forward(self, images_B3SS: Tensor) -> Scores:
        """Embed and score a batch."""
        return self.score(self.embed(images_B3SS), (images_B3SS.shape[-2], images_B3SS.shape[-1]))

    def exportable(self, image_size: int) -> nn.Module:
        """See ``Method``; any size will do."""
        return PaDiMGraph(self.model, exported_form(self.backbone))

    def _load_from_state_dict(self, state_dict: Mapping[str, Any], prefix: str, *args: Any, **kwargs: Any) -> None:
        gaussian = self.model.gaussian
        for name in ("mean", "inv_covariance"):  # sized from the stored ones, as an empty buffer refuses them
            key = f"{prefix}model.gaussian.{name}"
            if key in state_dict:
                setattr(gaussian, name, torch.empty_like(state_dict[key], device=gaussian.mean.device))
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)


_IS: type[Method] = PaDiM  # checked by mypy


class PaDiMGraph(nn.Module):
    """anomalib's forward, which is tensor operations throughout, on a backbone's exported form.

    Args:
        model: anomalib's, fitted; it is copied.
        features: takes the place of its backbone.
    """

    def __init__(self, model: nn.Module, features: nn.Module) -> None:
        super().__init__()
        self.model = copy.deepcopy(model).eval()
        self.model.feature_extractor = features

    def forward(self, images_B3SS: Tensor) -> tuple[Tensor, Tensor]:
        """Scores [B] and maps [B, S, S] of normalised images."""
        out = self.model(images_B3SS)
        return out.pred_score.flatten(), out.anomaly_map[:, 0]
