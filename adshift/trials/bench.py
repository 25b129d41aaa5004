"""Scores in any domain of good images, and of the same images with a pasted defect, by models that have not seen them.

Each fold is scored by the model of the other folds, or by a model from before that none of the images had a part in.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from adshift.data.prepared import PreparedImages
from adshift.data.samples import Sample, unit_numbers
from adshift.methods.finite import all_finite
from adshift.methods.method import Method
from adshift.shift.domain import Domain
from adshift.shift.pixels import UInt8


@dataclass(frozen=True)
class Seen:
    """N good images and then the same N with a pasted defect, in one domain, scored by models of one birthplace.

    Attributes:
        score_M: float64 [2 N], raw image scores.
        maps: 2 N anomaly maps, float32 [S, S].
        masks: 2 N masks, uint8 [S, S] in {0, 1}.
    """

    score_M: NDArray[np.float64]
    maps: list[NDArray[np.float32]]
    masks: list[UInt8]


def copy_of(method: Method) -> Method:
    """A copy that shares the backbone, which no fit changes."""
    return copy.deepcopy(method, {id(method.backbone): method.backbone})  # which counts as copied


def fitted_copy(method: Method, embedding_NHWD: Tensor) -> Method:
    """A copy that is fitted on embeddings [N, h, w, D]."""
    model = copy_of(method)
    model.begin_fit(len(embedding_NHWD))
    model.collect(embedding_NHWD)
    model.finish_fit()
    return model


@dataclass
class Bench:
    """Scores of the same images in one domain after the other.

    The embeddings of a domain are made once and serve the fits and scores of every fold; they are held for one domain
    at a time, the models and scores of ``home`` throughout.

    Attributes:
        method: unfitted; every fold's model is a copy that shares its backbone.
        good, pasted: N samples each, in one order.
        fold_N: the fold of each.
        prepare: some samples in a domain, at the input's size.
        image_size: S.
        batch_size: images that go through the backbone together.
        device: where the models run.
        home: the domain that every repair starts from.
    """

    method: Method
    good: tuple[Sample, ...]
    pasted: tuple[Sample, ...]
    fold_N: NDArray[np.int64]
    prepare: Callable[[Sequence[Sample], Domain], PreparedImages]
    image_size: int
    batch_size: int
    device: torch.device
    home: Domain
    _embedded: dict[Domain, tuple[Tensor, list[UInt8]]] = field(default_factory=dict)
    _models: dict[Domain, list[Method]] = field(default_factory=dict)
    _seen: dict[tuple[Domain, Domain], Seen] = field(default_factory=dict)

    @property
    def group_N(self) -> NDArray[np.int64]:
        """The series of each good image, 0 to K - 1; no fold divides one."""
        return unit_numbers(self.good)

    def seen(self, born: Domain, domain: Domain) -> Seen:
        """The images in ``domain``, each scored by the model that was fitted on the other folds in ``born``."""
        if (born, domain) not in self._seen:
            self._seen[born, domain] = self._score(self._fitted(born), *self.embedding(domain))
        return self._seen[born, domain]

    def adopt(self, born: Domain, model: Method) -> None:
        """Take a finished model for that of ``born``: it has seen none of the images, and scores every fold."""
        self._models[born] = [model.eval()] * (int(self.fold_N.max()) + 1)

    def score(self, models: Sequence[Method], domain: Domain) -> Seen:
        """The images in ``domain``, each fold by the model of its place in ``models``."""
        return self._score(models, *self.embedding(domain))

    def leave(self, domain: Domain) -> None:
        """Forget what a domain took, unless it is ``home``."""
        if domain != self.home:
            self._models.pop(domain, None)
            self._seen = {pair: seen for pair, seen in self._seen.items() if domain not in pair}
        self._embedded.pop(domain, None)

    @torch.no_grad()
    def embedding(self, domain: Domain) -> tuple[Tensor, list[UInt8]]:
        """Of the good images and then of those with a defect: embeddings [2 N, h, w, D], and the masks."""
        if domain not in self._embedded:
            images = self.prepare((*self.good, *self.pasted), domain)
            self._embedded[domain] = self._embed(images), [mask for mask in images.masks if mask is not None]
        return self._embedded[domain]

    @torch.no_grad()
    def embedded(self, samples: Sequence[Sample], domain: Domain) -> Tensor:
        """Of some images: embeddings [N, h, w, D], which are not held."""
        return self._embed(self.prepare(samples, domain))

    def _embed(self, images: PreparedImages) -> Tensor:
        self.method.eval().to(self.device)
        return torch.cat(
            [self.method.embed(batch.images.to(self.device)).cpu() for batch in images.loader(self.batch_size)]
        )

    @torch.no_grad()
    def _fitted(self, born: Domain) -> list[Method]:
        """The models by fold, each fitted on the good images of the others."""
        if born not in self._models:
            embedding_MHWD, _ = self.embedding(born)
            self._models[born] = []
            for fold in range(int(self.fold_N.max()) + 1):
                rest = torch.from_numpy(np.flatnonzero(self.fold_N != fold))
                self._models[born].append(fitted_copy(self.method, embedding_MHWD[rest].to(self.device)))
        return self._models[born]

    @torch.no_grad()
    def _score(self, models: Sequence[Method], embedding_MHWD: Tensor, masks: list[UInt8]) -> Seen:
        fold_M = np.tile(self.fold_N, 2)
        score_M = np.empty(len(fold_M))
        maps: list[NDArray[np.float32]] = [np.empty(0, np.float32)] * len(fold_M)
        for fold, model in enumerate(models):
            own = np.flatnonzero(fold_M == fold)
            for rows in np.array_split(own, -(-len(own) // self.batch_size)):
                batch = embedding_MHWD[torch.from_numpy(rows)].to(self.device)
                scores = all_finite(model.score(batch, (self.image_size, self.image_size)))
                score_M[rows] = scores.image_score_B.double().cpu().numpy()
                for row, anomaly_map in zip(rows, scores.anomaly_map_BHW.float().cpu().numpy(), strict=True):
                    maps[row] = anomaly_map
        return Seen(score_M, maps, masks)
