"""The nearest bank vectors of a role's patches: searched once, and continued where the bank continues a shorter one."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from adshift.methods.method import MemoryBank
from adshift.methods.module import NeighbourBatch
from adshift.methods.search.continued import nothing_known
from adshift.methods.search.neighbours import Neighbours
from adshift.stages.embedding import StoredEmbedding
from adshift.store.keys import code
from adshift.store.sources import sources
from adshift.store.store import AnyStore

BANKS = "banks.json"


@dataclass(frozen=True)
class SearchedBank:
    """A bank that an entry of the store holds the neighbours in.

    Attributes:
        rows: M.
        sha256: of its bytes; it alone tells whether another bank begins with this one.
        seconds: what the search took when it was done, that of its prefixes included.
    """

    rows: int
    sha256: str
    seconds: float

    def files(self, folder: Path) -> tuple[Path, Path]:
        """Where the distances and the rows lie."""
        return folder / f"{self.sha256}.distance.npy", folder / f"{self.sha256}.row.npy"


@dataclass(frozen=True)
class FoundNeighbours:
    """The min(k, M) nearest bank vectors of the patches of N images.

    Attributes:
        distance_NHWk: float64, mapped from a file.
        row_NHWk: int32, mapped from a file.
        bank_rows, seconds: as in ``SearchedBank``.
    """

    distance_NHWk: Tensor
    row_NHWk: Tensor
    bank_rows: int
    seconds: float

    def of(self, images: slice) -> Neighbours:
        """Those of some images, a row a patch."""
        return Neighbours(self.distance_NHWk[images].flatten(0, 2), self.row_NHWk[images].flatten(0, 2).long())

    def loader(self, batch_size: int) -> DataLoader[NeighbourBatch]:
        """Batches of ``batch_size`` images, in order; views of the mapped files."""
        return DataLoader(_Batches(self, batch_size), batch_size=None, shuffle=False)


class _Batches(Dataset[NeighbourBatch]):
    def __init__(self, found: FoundNeighbours, batch_size: int) -> None:
        self._found = found
        self._batch_size = batch_size

    def __len__(self) -> int:
        return -(-len(self._found.row_NHWk) // self._batch_size)

    def __getitem__(self, index: int) -> NeighbourBatch:
        if not 0 <= index < len(self):
            raise IndexError(index)
        images = slice(index * self._batch_size, (index + 1) * self._batch_size)
        return NeighbourBatch(self._found.distance_NHWk[images], self._found.row_NHWk[images].long())


def worth_keeping(store: AnyStore, bank: MemoryBank, device: torch.device) -> bool:
    """Whether ``find_neighbours`` is for this: a store that keeps, a bank that asks for it, on the CPU.

    Elsewhere the last digit of a distance may depend on how many are computed at once, and searching anew is cheap.
    """
    return store.keeps and device.type == "cpu" and bank.keeps_neighbours


def find_neighbours(store: AnyStore, bank: MemoryBank, embedding: StoredEmbedding, batch_size: int) -> FoundNeighbours:
    """Search a fitted bank, or take what the store has of this bank, or go on from one that it begins with.

    All banks that begin with the same vector share an entry, which grows by each bank that is searched. A coreset of 5 %
    begins with the one of 1 %: what was found there holds for its first rows, and only the others are searched.
    """
    bank_MD = bank.bank_MD.detach().contiguous()
    first, whole = prefix_sha256(bank_MD, (1, len(bank_MD)))
    key = {
        "embedding": embedding.key,  # with the kind of device
        "neighbours": bank.neighbours,
        "first": first,
        **code(__name__, *sources(bank)),
    }

    def make(folder: Path, present: Path | None) -> None:
        banks = [] if present is None else _banks(present)
        for file in (file for listed in banks for file in listed.files(present or folder)):
            _carry_over(file, folder / file.name)
        start, started = _longest_prefix(banks, bank_MD), time.perf_counter()
        known = None if start is None else _read(folder, start)
        found = SearchedBank(len(bank_MD), whole, 0.0)
        _search(bank, embedding.embedding_NHWD, batch_size, known, found.files(folder))
        spent = time.perf_counter() - started + (0.0 if start is None else start.seconds)
        listing = [asdict(listed) for listed in (*banks, replace(found, seconds=spent))]
        (folder / BANKS).write_text(json.dumps(listing, indent=1) + "\n", encoding="utf-8")

    def read(folder: Path) -> FoundNeighbours:
        return _read(folder, next(listed for listed in _banks(folder) if listed.sha256 == whole))

    def enough(folder: Path) -> bool:
        return any(listed.sha256 == whole for listed in _banks(folder))

    return store.fetch("neighbours", key, make, read, enough)


def prefix_sha256(bank_MD: Tensor, sizes: Sequence[int]) -> list[str]:
    """SHA-256 of the bytes of a bank's first rows, for each of some ascending numbers of rows up to M."""
    digest, found, done = hashlib.sha256(), [], 0
    for size in sizes:
        digest.update(bank_MD[done:size].numpy().data)
        found.append(digest.hexdigest())
        done = size
    return found


def _longest_prefix(banks: Sequence[SearchedBank], bank_MD: Tensor) -> SearchedBank | None:
    """The longest of the banks that this bank begins with: content decides, not the number of rows."""
    shorter = sorted((bank for bank in banks if bank.rows < len(bank_MD)), key=lambda bank: bank.rows)
    own = prefix_sha256(bank_MD, [bank.rows for bank in shorter])
    matching = [bank for bank, sha256 in zip(shorter, own, strict=True) if bank.sha256 == sha256]
    return matching[-1] if matching else None


@torch.inference_mode()
def _search(
    bank: MemoryBank, embedding_NHWD: Tensor, batch_size: int, known: FoundNeighbours | None, files: tuple[Path, Path]
) -> None:
    """Write the neighbours batch by batch, as they come."""
    from tqdm.auto import tqdm

    search = bank.continued_search(0 if known is None else known.bank_rows)
    grid = embedding_NHWD.shape[:3]
    with files[0].open("wb") as distances, files[1].open("wb") as rows:
        for start in tqdm(range(0, grid[0], batch_size), desc="neighbours", unit="batch", leave=False):
            images = slice(start, start + batch_size)
            query_QD = embedding_NHWD[images].flatten(0, 2)
            found = search.search(query_QD, bank.neighbours, known.of(images) if known else nothing_known(query_QD))
            parts = ((distances, "<f8", found.distance_Qk), (rows, "<i4", found.row_Qk.int()))
            for handle, kind, part_Qk in parts:
                if start == 0:
                    header = {"descr": kind, "fortran_order": False, "shape": (*grid, part_Qk.shape[1])}
                    np.lib.format.write_array_header_1_0(handle, header)
                handle.write(part_Qk.contiguous().numpy().data)


def _read(folder: Path, bank: SearchedBank) -> FoundNeighbours:
    # private maps: torch wants to be able to write, the files never change
    distance_NHWk, row_NHWk = (torch.from_numpy(np.load(file, mmap_mode="c")) for file in bank.files(folder))
    return FoundNeighbours(distance_NHWk, row_NHWk, bank.rows, bank.seconds)


def _banks(folder: Path) -> list[SearchedBank]:
    return [SearchedBank(**listed) for listed in json.loads((folder / BANKS).read_text(encoding="utf-8"))]


def _carry_over(file: Path, target: Path) -> None:
    """Another name for a file that never changes; a copy where the file system has no such thing."""
    try:
        os.link(file, target)
    except OSError:
        shutil.copyfile(file, target)
