"""The test images behind a run, read again through its data root, and the anomaly maps it saved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adshift.config.build import build
from adshift.data.dataset import read_pair
from adshift.data.layouts.by_name import layout_of, located
from adshift.data.layouts.layout import index_in
from adshift.data.moved import FOLDER, index_moved
from adshift.data.photographs import index_photographs
from adshift.data.samples import Sample
from adshift.errors import AdshiftError
from adshift.report.cells import Cell
from adshift.results.arrays import MAX_MAPS_BYTES, read_arrays
from adshift.results.files import MAPS
from adshift.shift.domain import Domain
from adshift.shift.photos import photos_of
from adshift.shift.pixels import UInt8, resize_mask

Map = NDArray[np.float32]
PHOTOGRAPHS = "photographs"
"""In the place of a data source: a folder of photographs as the target."""


def domain_of(cell: Cell) -> Domain:
    """The domain of a run's test images.

    Raises:
        AdshiftError: the run names another class than the project's own ``Domain``, which is then not called.
    """
    domain: Domain = build(cell.run.result["config"]["domain"], "domain")
    return domain


def root_of(cell: Cell) -> Path:
    """The folder that the paths of the run's test images start from: its data root, or that of photographs as the target.

    Raises:
        AdshiftError: as ``domain_of``, or the data root is a package that is not installed.
    """
    photos = photos_of(domain_of(cell))
    data = cell.run.result["config"]["data"]
    return located(str(data.get("source", "folder")), str(data["root"])) if photos is None else Path(photos.root)


def _is_map(found: NDArray[Any]) -> bool:
    return found.ndim == 2 and found.dtype == np.float32 and bool(np.isfinite(found).all())


class Photographs:
    """Images, masks and maps of cells; what cannot be had is said once and then absent."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._index: dict[tuple[Path, str, str, str], dict[str, Sample]] = {}
        self._said: set[str] = set()
        self._masks: dict[tuple[Path, Domain, str, tuple[int, ...]], UInt8 | None] = {}

    def complain(self, error: Exception) -> None:
        """Name a fault, each once."""
        line = " ".join(str(error).split())
        if line not in self._said:
            self._said.add(line)
            self._say(f"without pictures: {line}")

    def samples(self, cell: Cell, category: str) -> dict[str, Sample]:
        """The category's test images by path, those of them that the run has scores of; empty where they are gone."""
        try:
            root, photos = root_of(cell), photos_of(domain_of(cell))
        except AdshiftError as error:
            self.complain(error)
            return {}
        data = cell.run.result["config"]["data"]
        source = str(data.get("source", "folder"))
        key = (root, category, source if photos is None else PHOTOGRAPHS, str(data.get(FOLDER, "")))
        if key not in self._index:
            self._index[key] = self._indexed(*key, cell.categories)
        scored = cell.scores[category].path if category in cell.scores else ()
        index = self._index[key]
        return {path: index[path] for path in scored if path in index}

    def _indexed(
        self, root: Path, category: str, source: str, folder: str, categories: Sequence[str]
    ) -> dict[str, Sample]:
        if category in ("", ".", "..") or Path(category).name != category:
            return {}
        try:
            if source == PHOTOGRAPHS:
                found = index_photographs(root, categories)[categories.index(category)]
            elif folder:
                found = index_moved(layout_of(source), root, folder, category)
            else:
                found = index_in(layout_of(source), root, category)
        except (AdshiftError, OSError) as error:
            self.complain(error)
            return {}
        return {sample.path: sample for sample in found.samples}

    def pair(self, cell: Cell, sample: Sample) -> tuple[UInt8, UInt8 | None]:
        """Image [H, W, 3] and mask [H, W] under the cell's test domain.

        Raises:
            AdshiftError: a file cannot be read, or the domain is none of the project's.
        """
        return read_pair(root_of(cell), sample, domain_of(cell))

    def mask(self, cell: Cell, sample: Sample, shape: tuple[int, ...]) -> UInt8 | None:
        """The mask under the cell's test domain at the shape of its map; None for an anomalous image without one."""
        key = (root_of(cell), domain_of(cell), sample.path, shape)
        if key not in self._masks:
            mask = self.pair(cell, sample)[1]
            if mask is not None and mask.shape != shape:
                mask = resize_mask(mask, shape[0]) if shape[0] == shape[1] else None
            self._masks[key] = mask
        return self._masks[key]

    def maps(self, cell: Cell, paths: list[str]) -> dict[str, Map]:
        """The saved anomaly maps float32 [H, W] of these images; empty where the run saved none."""
        file = cell.run.folder / MAPS
        if not file.is_file():
            return {}
        try:
            maps = read_arrays(file, "run the cell again with save_maps=true", set(paths), MAX_MAPS_BYTES)
        except AdshiftError as error:
            self.complain(error)
            return {}
        return {path: maps[path] for path in paths if path in maps and _is_map(maps[path])}
