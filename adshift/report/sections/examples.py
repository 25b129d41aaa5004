"""Pictures: the same parts clean and shifted, and what the detectors saw in them, failures first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from adshift.errors import AdshiftError
from adshift.report.cells import Cell
from adshift.report.document import Plot, Section
from adshift.report.gallery import gallery
from adshift.report.photographs import Map, Photographs, domain_of, root_of
from adshift.report.pictures import TILE, colour_scale, outline, overlay
from adshift.report.plots.style import WIDTH
from adshift.report.plots.tiles import Example, tiles
from adshift.report.study import Study
from adshift.report.thumbnails import outcome
from adshift.shift.names import CLEAN
from adshift.shift.pixels import UInt8, resize_image, resize_mask
from adshift.shift.real import real_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

GALLERY_CATEGORIES = 3
GALLERY_COLUMNS = 5
ORDER = ("FN", "FP", "TP", "TN")
WORDS = {"FN": "missed", "FP": "false alarm", "TP": "found", "TN": "passed"}


def section(study: Study, photographs: Photographs) -> Section | None:
    """The clean / shifted gallery, and two examples of each outcome for every category and detector with maps."""
    plots = [*_clean_shifted(study, photographs), *_examples(study, photographs)]
    if not plots:
        return None
    lead = (
        "Image, ground truth outlined, anomaly map. For every outcome the two most extreme test images; wrong decisions "
        "come first. Colours span each category's own range of map values."
    )
    return Section("examples", "Examples and failures", lead, plots=tuple(plots))


def _clean_shifted(study: Study, photographs: Photographs) -> list[Plot]:
    shifted = [c for c in study.select(domain=study.main_domain, severity=study.severity) if c.domain != CLEAN]
    by_category = {name: cell for cell in reversed(shifted) for name in cell.categories}
    there = [c for c in study.categories if c in by_category and photographs.samples(by_category[c], c)]
    chosen = [c for c in there if real_of(domain_of(by_category[c])) is None][:GALLERY_CATEGORIES]
    if not chosen:
        return []
    names = ", ".join(chosen)
    return [
        Plot(
            "clean_shifted",
            f"Clean (upper rows) and {study.main_domain} (lower rows) of {names}; with the sampled parameters.",
            f"Photographs of {names}, each image clean and below it shifted, defects outlined.",
            lambda: _as_figure(np.concatenate([_sheet(by_category[c], c) for c in chosen])),
            raster=True,
        )
    ]


def _sheet(cell: Cell, category: str) -> UInt8:
    return gallery(root_of(cell), [category], domain_of(cell), GALLERY_COLUMNS)


def _as_figure(picture: UInt8) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, WIDTH * picture.shape[0] / picture.shape[1]))
    figure.set_layout_engine("none")
    axis = figure.add_axes((0, 0, 1, 1))
    axis.imshow(picture, aspect="auto")
    axis.set_axis_off()
    return figure


def _examples(study: Study, photographs: Photographs) -> list[Plot]:
    plots = []
    for i, category in enumerate(study.categories):
        for j, detector in enumerate(study.detectors):
            for cell in _shown(study, detector, category):
                chosen = choose(cell, category)
                maps = photographs.maps(cell, list(photographs.samples(cell, category)))
                if not chosen or any(path not in maps for _, path in chosen):
                    continue
                counts = ", ".join(f"{sum(o == kind for o, _ in chosen)} {WORDS[kind]}" for kind in ORDER)
                plots.append(
                    Plot(
                        f"examples_{i}_{j}",
                        f"{category}, {detector}, {cell.condition}, {cell.threshold}: wrong decisions first, in vermilion.",
                        f"Test images of {category} with outlined ground truth and anomaly map: {counts}.",
                        lambda cell=cell, category=category, chosen=chosen, maps=maps: tiles(  # type: ignore[misc]
                            _drawn(photographs, cell, category, chosen, maps)
                        ),
                        raster=True,
                    )
                )
    return plots


def _shown(study: Study, detector: str, category: str) -> list[Cell]:
    """The unadapted shifted cell, or the clean one where there is none."""
    for domain in (study.main_domain, CLEAN):
        series = study.series(detector, domain, threshold=study.threshold) if domain else None
        if series and category in series.cells:
            return [series.cells[category]]
    return []


def choose(cell: Cell, category: str, each: int = 2) -> list[tuple[str, str]]:
    """(outcome, path) of up to ``each`` images an outcome: the lowest scores of FN and TN, the highest of FP and TP."""
    if category not in cell.scores or cell.scores[category].threshold is None:
        return []
    s = cell.scores[category]
    kinds = [outcome(int(label), float(score), s.threshold) for label, score in zip(s.label_N, s.score_N, strict=True)]
    order = np.argsort(s.score_N, kind="stable")
    chosen = []
    for kind in ORDER:
        places = [int(i) for i in order if kinds[i] == kind]
        places = places[::-1] if kind in ("FP", "TP") else places
        chosen += [(kind, s.path[i]) for i in places[:each]]
    return chosen


def _drawn(
    photographs: Photographs, cell: Cell, category: str, chosen: list[tuple[str, str]], maps: dict[str, Map]
) -> list[Example]:
    import cv2

    samples, s = photographs.samples(cell, category), cell.scores[category]
    scale = colour_scale(list(maps.values()))
    examples = []
    for kind, path in chosen:
        if path not in samples:
            raise AdshiftError(f"{path} is no longer in {root_of(cell)}; restore it")
        image, mask = photographs.pair(cell, samples[path])
        image = resize_image(image, TILE)
        seen = outline(image, None if mask is None else resize_mask(mask, TILE))
        level = np.asarray(cv2.resize(maps[path], (TILE, TILE), interpolation=cv2.INTER_LINEAR), np.float32)
        score = s.score_N[s.path.index(path)]
        caption = f"{WORDS[kind]}: {path.split('/', 1)[-1]}, {score:.3g} (threshold {s.threshold:.3g})"
        examples.append(Example(caption, kind in ("FN", "FP"), (image, seen, overlay(image, level, scale))))
    return examples
