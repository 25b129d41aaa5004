"""The picture gallery of the page: small images, maps and outlines, each embedded once and shared by its cards."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from adshift.data.samples import Sample
from adshift.errors import AdshiftError
from adshift.report.cells import Cell
from adshift.report.photographs import Map, Photographs, root_of
from adshift.report.pictures import colour_scale
from adshift.report.study import Study
from adshift.report.tables import ratio_text
from adshift.shift.pixels import UInt8, resize_image, resize_mask

SIDE = 200
MAP_SIDE = 96
QUALITY = 62


def outcome(label: int, score: float, threshold: float | None) -> str:
    """``TP``, ``FP``, ``FN`` or ``TN`` by score >= threshold; empty without a threshold."""
    if threshold is None:
        return ""
    return ("TP" if label else "FP") if score >= threshold else ("FN" if label else "TN")


@dataclass
class Gallery:
    """What the page needs: data URIs of images and maps, outlines as SVG paths, and the cards that point at them."""

    images: list[str] = field(default_factory=list)
    maps: list[str] = field(default_factory=list)
    outlines: list[str] = field(default_factory=list)
    settings: list[str] = field(default_factory=list)
    cards: list[dict[str, Any]] = field(default_factory=list)
    scored: int = 0
    """Test images of all cells in the gallery, shown or not."""

    def plain(self) -> dict[str, Any]:
        """The gallery as plain containers."""
        return {"side": SIDE, "images": self.images, "maps": self.maps, "outlines": self.outlines,
                "settings": self.settings, "cards": self.cards, "scored": self.scored}  # fmt: skip


def make_gallery(study: Study, photographs: Photographs, per_group: int) -> Gallery:
    """Up to ``per_group`` images of each category in each domain, the same for all runs that saved maps of them."""
    made = Gallery()
    if per_group < 1:
        return made
    groups: dict[tuple[Any, ...], list[Cell]] = {}
    for cell in study.cells:
        if not cell.run.result["config"].get("save_maps"):
            continue
        try:
            root = root_of(cell)
        except AdshiftError as error:
            photographs.complain(error)
            continue
        for category in cell.categories:
            key = (category, root, cell.domain, cell.severity, cell.domain_seed)
            groups.setdefault(key, []).append(cell)
    known: dict[str, int] = {}
    for (category, *_), cells in groups.items():
        try:
            _add_group(made, photographs, category, cells, per_group, known)
        except AdshiftError as error:
            photographs.complain(error)
    return made


def setting(cell: Cell) -> str:
    """A cell in words, for the gallery's choice of runs."""
    bank = "" if cell.coreset is None else f" {ratio_text(cell.coreset)}"
    more = [f"severity {cell.severity:g}"] if cell.severity not in (0.0, 1.0) else []
    more += [f"shift seed {cell.domain_seed}"] if cell.domain_seed else []
    more += [f"seed {cell.seed}"] if cell.seed else []
    more += [f"unified, {cell.scope} threshold"] if cell.unified else []
    return ", ".join([f"{cell.detector}{bank}", cell.condition, cell.threshold, *more])


def _add_group(made: Gallery, photographs: Photographs, category: str, cells: list[Cell], per_group: int,
               known: dict[str, int]) -> None:  # fmt: skip
    samples = photographs.samples(cells[0], category)
    stored = [(cell, photographs.maps(cell, list(photographs.samples(cell, category)))) for cell in cells]
    stored = [(cell, maps) for cell, maps in stored if maps]
    if not stored:
        return
    places: dict[str, tuple[int, int]] = {}
    for path in choose([cell for cell, _ in stored], category, per_group):
        if path in samples:
            places[path] = _add_image(made, photographs, cells[0], samples[path])
    for cell, maps in stored:
        made.scored += len(cell.scores[category].path)
        scale = colour_scale(list(maps.values()))
        name = setting(cell)
        if name not in made.settings:
            made.settings.append(name)
        for path, (image, contour) in places.items():
            if path in maps:
                uri = map_uri(maps[path], scale)
                if uri not in known:
                    known[uri] = len(made.maps)
                    made.maps.append(uri)
                card = _card(cell, category, path)
                made.cards.append({**card, "run": made.settings.index(name), "image": image, "outline": contour,
                                   "map": known[uri]})  # fmt: skip


def choose(cells: list[Cell], category: str, count: int) -> list[str]:
    """Paths for the gallery: images that most runs got wrong first, the rest spread evenly over the first run's scores."""
    scores = [cell.scores[category] for cell in cells]
    first = scores[0]
    wrong = dict.fromkeys(first.path, 0)
    for s in scores:
        for path, label, score in zip(s.path, s.label_N, s.score_N, strict=True):
            if path in wrong and outcome(int(label), float(score), s.threshold) in ("FN", "FP"):
                wrong[path] += 1
    worst = sorted((p for p in first.path if wrong[p]), key=lambda p: -wrong[p])[: -(-count // 2)]
    rest = [first.path[i] for i in np.argsort(first.score_N, kind="stable") if first.path[i] not in worst]
    spread = np.unique(np.linspace(0, max(len(rest) - 1, 0), min(count - len(worst), len(rest))).astype(int)).tolist()
    return [*worst, *(rest[i] for i in spread)]


def _card(cell: Cell, category: str, path: str) -> dict[str, Any]:
    s = cell.scores[category]
    i = s.path.index(path)
    score = float(s.score_N[i])
    return {"category": category, "defect": s.defect[i], "path": path, "score": score, "threshold": s.threshold,
            "outcome": outcome(int(s.label_N[i]), score, s.threshold)}  # fmt: skip


def _add_image(made: Gallery, photographs: Photographs, cell: Cell, sample: Sample) -> tuple[int, int]:
    """Embed an image under its domain and its outline; returns their places, -1 for no outline."""
    image, mask = photographs.pair(cell, sample)
    made.images.append(data_uri(resize_image(image, SIDE)))
    path = "" if mask is None else contour(resize_mask(mask, SIDE))
    if not path:
        return len(made.images) - 1, -1
    made.outlines.append(path)
    return len(made.images) - 1, len(made.outlines) - 1


def contour(mask: UInt8) -> str:
    """The outline of a mask [H, W] as an SVG path in its pixels; empty where the mask is."""
    import cv2

    found, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    rings = [cv2.approxPolyDP(ring, 0.7, True).reshape(-1, 2) for ring in found]
    return "".join("M" + "L".join(f"{x} {y}" for x, y in ring.tolist()) + "Z" for ring in rings)


def data_uri(picture: UInt8, quality: int = QUALITY) -> str:
    """A picture [H, W, 3 or 4] as a WebP data URI."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "WEBP", quality=quality, method=4)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()


def map_uri(anomaly_map: Map, scale: tuple[float, float]) -> str:
    """An anomaly map [H, W] as a translucent magma picture, to be laid over its image."""
    import cv2

    small = cv2.resize(anomaly_map, (MAP_SIDE, MAP_SIDE), interpolation=cv2.INTER_AREA)
    level = np.clip((small - scale[0]) / (scale[1] - scale[0]), 0, 1)
    heat = cv2.applyColorMap((level * 255).astype(np.uint8), cv2.COLORMAP_MAGMA)[:, :, ::-1]
    alpha = (255 * (0.25 + 0.5 * level)).astype(np.uint8)
    return data_uri(np.dstack([heat, alpha]), quality=50)
