"""The Lightning face of the data: one loader a role."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytorch_lightning as pl
from torch.utils.data import DataLoader

from adshift.data.dataset import ImageDataset, Item, MaskResolution, loader_options
from adshift.data.samples import Sample
from adshift.data.splits import Split
from adshift.shift.domain import Domain


class AnomalyDataModule(pl.LightningDataModule):
    """Serves the roles of a split: training for the fit, and ``role_loader`` for what is scored.

    Args:
        root: the data root.
        split: the samples of each role.
        train_domain: the domain that the train images are seen in.
        image_size: side of the input in pixels.
        batch_size: images a batch.
        num_workers: processes that decode; it changes no figure.
        mask_resolution: see ``ImageDataset``.
    """

    def __init__(
        self,
        root: Path,
        split: Split,
        train_domain: Domain,
        image_size: int,
        batch_size: int,
        num_workers: int,
        mask_resolution: MaskResolution,
    ) -> None:
        super().__init__()
        self.root = root
        self.split = split
        self.train_domain = train_domain
        self.image_size = image_size
        self.batch_size = batch_size
        self.num_workers = num_workers
        self.mask_resolution = mask_resolution

    def loader(self, samples: Sequence[Sample], domain: Domain) -> DataLoader[Item]:
        """A loader of some samples seen in a domain, in their order."""
        dataset = ImageDataset(self.root, samples, domain, self.image_size, self.mask_resolution)
        workers = min(self.num_workers, -(-len(dataset) // self.batch_size))
        return DataLoader(dataset, batch_size=self.batch_size, shuffle=False, **loader_options(workers))

    def train_dataloader(self) -> DataLoader[Item]:
        """The train role, in its order: a fit that sees every image once has no use for shuffling."""
        return self.loader(self.split.train, self.train_domain)
