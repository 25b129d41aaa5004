"""A role's images in one domain, decoded, shifted and resized once, and mapped from the store ever after."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from adshift.data.correction import Correction
from adshift.data.dataset import ImageDataset, MaskResolution, loader_options
from adshift.data.images import normalise
from adshift.data.sample_keys import sample_hashes, sample_list
from adshift.data.samples import Sample
from adshift.errors import AdshiftError
from adshift.shift.domain import Domain, domain_parts
from adshift.shift.pixels import UInt8
from adshift.store.keys import code
from adshift.store.sources import sources
from adshift.store.store import AnyStore, Key
from adshift.system.resources import data_workers

PIXELS, MASKS, TIMING, CONTENTS = "images.npy", "masks.npz", "timing.json", "contents.json"


class ImageBatch(NamedTuple):
    """A batch of images."""

    images: Tensor
    """float32 [B, 3, S, S], normalised."""


@dataclass(frozen=True)
class PreparedImages:
    """N images of one role.

    Attributes:
        samples: in the role's order.
        key: what the pixels and masks depend on.
        image_NSS3: uint8, mapped from a file.
        masks: N masks uint8 [H, W] in {0, 1}; None for an anomalous image without one.
        seconds: what decoding, shifting and resizing took when it was done.
        contents: N hashes of the decoded files (``adshift.data.contents``).
    """

    samples: tuple[Sample, ...]
    key: Key
    image_NSS3: UInt8
    masks: list[UInt8 | None]
    seconds: float
    contents: tuple[str, ...]

    def loader(self, batch_size: int) -> DataLoader[ImageBatch]:
        """Normalised batches, in order."""
        return DataLoader(_Batches(self.image_NSS3, batch_size), batch_size=None, shuffle=False)


class _Batches(Dataset[ImageBatch]):
    def __init__(self, image_NSS3: UInt8, batch_size: int) -> None:
        self.n_images = len(image_NSS3)
        self._image_NSS3 = image_NSS3
        self._batch_size = batch_size

    def __len__(self) -> int:
        return -(-self.n_images // self._batch_size)

    def __getitem__(self, index: int) -> ImageBatch:
        if not 0 <= index < len(self):
            raise IndexError(index)
        start = index * self._batch_size
        return ImageBatch(normalise(self._image_NSS3[start : start + self._batch_size]))


def prepare_images(
    store: AnyStore,
    root: Path,
    samples: Sequence[Sample],
    domain: Domain,
    image_size: int,
    resolution: MaskResolution,
    num_workers: int,
    correction: Correction | None = None,
) -> PreparedImages:
    """Decode, shift, correct and resize samples, or take them from the store where that was done before.

    Raises:
        AdshiftError: a file cannot be read or has changed since it was checked, or a mask has another size than its image.
    """
    sha256 = sample_hashes(store.hashes, root, samples)
    key = {
        "samples": sample_list(samples, sha256),
        "domain": domain_parts(domain),
        "image_size": image_size,
        "resolution": resolution,
        "correction": None if correction is None else correction.parts(),
        **code(__name__, *sources(domain, domain.before, correction)),
    }
    dataset = ImageDataset(root, samples, domain, image_size, resolution, correction, sha256)

    def make(folder: Path, _: Path | None) -> None:
        _write(folder, dataset, num_workers)

    def read(folder: Path) -> PreparedImages:
        seconds = json.loads((folder / TIMING).read_text())["load"]
        contents = tuple(json.loads((folder / CONTENTS).read_text()))
        pixels = np.load(folder / PIXELS, mmap_mode="r")
        return PreparedImages(tuple(samples), key, pixels, _read_masks(folder), seconds, contents)

    return store.fetch("images", key, make, read)


def _write(folder: Path, dataset: ImageDataset, num_workers: int) -> None:
    from tqdm.auto import tqdm

    started = time.perf_counter()
    size, count = dataset.image_size, len(dataset)
    workers = min(data_workers(num_workers), count)
    loader: DataLoader[Any] = DataLoader(dataset, batch_size=8, shuffle=False, **loader_options(workers))
    masks: list[UInt8 | None] = []
    contents: list[str] = []
    with (
        (folder / PIXELS).open("wb") as handle,
        tqdm(total=count, desc="images", unit="image", leave=False) as bar,
        _told_of_dead_workers(num_workers),
    ):
        np.lib.format.write_array_header_1_0(
            handle, {"descr": "|u1", "fortran_order": False, "shape": (count, size, size, 3)}
        )
        for items in loader:
            for item in items:
                handle.write(np.ascontiguousarray(item.image).tobytes())
                masks.append(item.mask)
                contents.append(item.content)
            bar.update(len(items))
    _write_masks(folder, masks)
    (folder / CONTENTS).write_text(json.dumps(contents))
    (folder / TIMING).write_text(json.dumps({"load": time.perf_counter() - started}))


@contextmanager
def _told_of_dead_workers(num_workers: int) -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        raise AdshiftError(
            f"data.num_workers={num_workers}: a process that decodes images was killed, most likely for want of memory; "
            "use fewer workers, 0 for none"
        ) from error


def _write_masks(folder: Path, masks: Sequence[UInt8 | None]) -> None:
    """Shapes [N, 2] (0 x 0: no mask), and the bits of the masks that mark anything."""
    shapes = np.array([(0, 0) if m is None else m.shape for m in masks], np.int64).reshape(-1, 2)
    bits = {str(i): np.packbits(m) for i, m in enumerate(masks) if m is not None and m.any()}
    np.savez(folder / MASKS, shapes=shapes, **bits)  # type: ignore[arg-type]


def _read_masks(folder: Path) -> list[UInt8 | None]:
    with np.load(folder / MASKS, allow_pickle=False) as stored:
        masks: list[UInt8 | None] = []
        for i, (height, width) in enumerate(stored["shapes"].tolist()):
            if height == 0:
                masks.append(None)
            elif str(i) in stored:
                flat = np.unpackbits(stored[str(i)], count=height * width)
                masks.append(flat.reshape(height, width))
            else:
                masks.append(np.zeros((height, width), np.uint8))
    return masks
