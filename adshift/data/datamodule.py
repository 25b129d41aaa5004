"""The Lightning face of the data: the train role for the fit, and any role's images for what is scored."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytorch_lightning as pl
from torch.utils.data import DataLoader

from adshift.data.chain import chain
from adshift.data.correction import Correction
from adshift.data.dataset import MaskResolution
from adshift.data.prepared import ImageBatch, PreparedImages, prepare_images
from adshift.data.samples import Sample
from adshift.data.seen import SeenImage
from adshift.data.splits import Role, Split
from adshift.shift.domain import Domain
from adshift.shift.photos import root_of
from adshift.store.store import AnyStore


class AnomalyDataModule(pl.LightningDataModule):
    """Serves the roles of a split.

    Args:
        store: where decoded images are kept.
        root: the data root; photographs of a domain lie where that says.
        split: the samples of each role.
        train_domains: the domains that the train images are seen in, each image once in every one.
        image_size: side of the input in pixels.
        batch_size: images that go through the backbone together.
        num_workers: processes that decode; it changes no figure.
        mask_resolution: see ``ImageDataset``.
        correction: see ``ImageDataset``.

    Attributes:
        fitted: the train images in the first of their domains, once a fit has asked for them.
    """

    def __init__(
        self,
        store: AnyStore,
        root: Path,
        split: Split,
        train_domains: Sequence[Domain],
        image_size: int,
        batch_size: int,
        num_workers: int,
        mask_resolution: MaskResolution,
        correction: Correction | None = None,
    ) -> None:
        super().__init__()
        self.store = store
        self.root = root
        self.split = split
        self.train_domains = tuple(train_domains)
        self.image_size = image_size
        self.batch_size = batch_size
        self.num_workers = num_workers
        self.mask_resolution = mask_resolution
        self.correction = correction
        self.fitted: PreparedImages | None = None
        self._contents: dict[Path, str] = {}

    def images(self, samples: Sequence[Sample], domain: Domain) -> PreparedImages:
        """Some samples seen in a domain, in their order."""
        found = prepare_images(
            self.store, root_of(domain, self.root), samples, domain, self.image_size, self.mask_resolution,
            self.num_workers, self.correction,
        )  # fmt: skip
        for sample, content in zip(samples, found.contents, strict=True):
            self._contents[root_of(domain, self.root) / sample.place] = content
        return found

    def seen(self, role: Role, domain: Domain) -> list[SeenImage]:
        """The images of a role as they are now, in the first domain that it was asked for in."""
        root = root_of(domain, self.root)
        files = ((sample.path, root / sample.place) for sample in self.split.of(role))
        return [SeenImage(role, path, file.stat().st_size, self._contents[file]) for path, file in files]

    def train_images(self) -> tuple[PreparedImages, ...]:
        """The train role in each of its domains, in its order: a fit that sees every image once needs no shuffling."""
        found = tuple(self.images(self.split.train, domain) for domain in self.train_domains)
        self.fitted = found[0]
        return found

    def train_dataloader(self) -> DataLoader[ImageBatch]:
        """Batches of the train role, domain after domain."""
        return chain([images.loader(self.batch_size) for images in self.train_images()])
