"""Samples in, arrays out: one domain applied to one role's images, at the size the backbone sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from torch.utils.data import Dataset

from adshift.data.contents import content_sha256
from adshift.data.correction import Correction
from adshift.data.images import read_image, read_mask
from adshift.data.samples import Sample
from adshift.errors import AdshiftError
from adshift.shift.domain import Domain
from adshift.shift.pixels import UInt8, resize_image, resize_mask

MaskResolution = Literal["input", "original"]
Sha256 = Mapping[str, str]
"""The hash that a file must have, by its place below the root; a file that is not named is taken as it lies there."""
ANY: Sha256 = MappingProxyType({})


class Item(NamedTuple):
    """One image as the backbone will see it, with its ground truth."""

    image: UInt8
    """uint8 [S, S, 3]."""
    mask: UInt8 | None
    """uint8 [H, W] in {0, 1}; all zero for a nominal image; None for an anomalous image without a mask file."""
    content: str
    """``content_sha256`` of the image as its file holds it."""


def read_pair(
    root: Path, sample: Sample, domain: Domain, correction: Correction | None = None, sha256: Sha256 = ANY
) -> tuple[UInt8, UInt8 | None]:
    """Read a sample's image and mask and apply the domain, then the correction, to both, at the file's own resolution.

    A defect that is to be pasted is drawn first, so that the domain moves it with the scene.

    Returns:
        image uint8 [H, W, 3]; mask uint8 [H, W] in {0, 1}, zeros for a nominal image, None where there is no mask.

    Raises:
        AdshiftError: a file cannot be read or is not the one of ``sha256``, or the mask has another size than its image.
    """
    image, mask = _marked(root, sample, read_image(root / sample.place, sha256.get(sample.place, "")), sha256)
    image, mask = domain.seen(image, mask, sample.category, sample.path)
    return (image, mask) if correction is None else correction.apply(image, mask)


def _marked(root: Path, sample: Sample, image: UInt8, sha256: Sha256) -> tuple[UInt8, UInt8 | None]:
    """An image as the sample wants it, with a pasted defect where there is one, and its mask."""
    mask: UInt8 | None
    if sample.pasted is not None:
        image, mask = sample.pasted.apply(image, sample.category, sample.path)
    elif sample.label == 0:
        mask = np.zeros(image.shape[:2], np.uint8)
    elif sample.mask is None:
        mask = None
    else:
        masks = [_mask(root / file, sample.mask_over, image, sha256.get(file, "")) for file in sample.masks]
        mask = np.maximum.reduce(masks)
    return image, mask


def _mask(path: Path, over: int, image: UInt8, sha256: str) -> UInt8:
    mask = read_mask(path, over, sha256)
    if mask.shape != image.shape[:2]:
        raise AdshiftError(
            f"mask {path} is {mask.shape[1]} x {mask.shape[0]}, its image {image.shape[1]} x {image.shape[0]}; both "
            "must have one size"
        )
    return mask


class ImageDataset(Dataset[Item]):
    """The images of one role in one domain, resized to ``image_size``.

    Args:
        root: the data root that the samples' paths are relative to.
        samples: the role's samples.
        domain: clean or shifted; applied before the resize.
        correction: applied between the two; None for images as the camera gives them.
        image_size: S, the side of the square input in pixels.
        mask_resolution: ``input`` gives masks of S x S, ``original`` of the image file's own size.
        sha256: that the files must have.
    """

    def __init__(
        self,
        root: Path,
        samples: Sequence[Sample],
        domain: Domain,
        image_size: int,
        mask_resolution: MaskResolution = "input",
        correction: Correction | None = None,
        sha256: Sha256 = ANY,
    ) -> None:
        self.root = root
        self.samples = tuple(samples)
        self.domain = domain
        self.image_size = image_size
        self.mask_resolution = mask_resolution
        self.correction = correction
        self.sha256 = dict(sha256)

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Item:
        sample = self.samples[index]
        held = read_image(self.root / sample.place, self.sha256.get(sample.place, ""))
        image, mask = _marked(self.root, sample, held, self.sha256)
        image, mask = self.domain.seen(image, mask, sample.category, sample.path)
        if self.correction is not None:
            image, mask = self.correction.apply(image, mask)
        if mask is not None and self.mask_resolution == "input":
            mask = resize_mask(mask, self.image_size)
        return Item(resize_image(image, self.image_size), mask, content_sha256(held))


def worker_init(_: int) -> None:
    """One thread a worker: the pool of workers is the parallelism."""
    import cv2

    torch.set_num_threads(1)
    cv2.setNumThreads(0)


def _as_list(items: Sequence[Item]) -> list[Item]:
    return list(items)


def loader_options(num_workers: int) -> dict[str, Any]:
    """Keyword arguments of a DataLoader that gives lists of items."""
    return {"collate_fn": _as_list, "num_workers": num_workers, "worker_init_fn": worker_init if num_workers else None}
