"""Several loaders one after another, as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from torch.utils.data import ConcatDataset, DataLoader

T = TypeVar("T")


class _Chained(ConcatDataset[Any]):
    """Batches of several sets; ``n_images`` is the sum of theirs."""

    def __init__(self, parts: Sequence[Any]) -> None:
        super().__init__(parts)
        self.n_images = sum(part.n_images for part in parts)


def chain(loaders: Sequence[DataLoader[T]]) -> DataLoader[T]:
    """The batches of all loaders, in order; each loader's dataset gives whole batches and counts its ``n_images``."""
    return DataLoader(_Chained([loader.dataset for loader in loaders]), batch_size=None, shuffle=False)
