"""The diagnosis of a finished run under a domain: the loss by component, the places of the false alarms, the features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from adshift.appearance.changes import Change, changes, in_words
from adshift.appearance.looks import measured
from adshift.config.plan import make_plan
from adshift.data.acquire import verify_files
from adshift.data.moved import placed
from adshift.data.photographs import index_photographs
from adshift.data.samples import Sample
from adshift.data.seen import contents_of, strangers
from adshift.diagnose.components import IGNORED, WHOLE, Loss, culprit, losses, variants
from adshift.diagnose.features import moments, movement
from adshift.diagnose.places import Share, Zone, beyond_frame, grown, shares, zones
from adshift.errors import AdshiftError
from adshift.results.checkpoint import load_checkpoint, recorded_sha256
from adshift.results.files import CHECKPOINT
from adshift.results.read import read_calibration, read_config, read_correction, read_fitted, read_result
from adshift.run.cell import Cell
from adshift.run.division import SOURCE
from adshift.run.foresee import foresee
from adshift.run.prepare import new_module, prepare
from adshift.shift.domain import Domain
from adshift.shift.names import CLEAN
from adshift.shift.photos import Photos, photos_of
from adshift.stages.measure import measure
from adshift.stages.scored import ScoredImages
from adshift.stages.scoring import score_images

MIRRORED = "beyond the frame"
FALLBACK_QUANTILE = 0.999
"""Of the clean good images' pixels: the pixel threshold of a run that has none."""
TRAIN_IMAGES = 64
SIDE = 224
"""Pixels that the zone beyond the frame is drawn with."""
REACH = 0.1
"""How far, as a share of the side, what is mirrored in is seen by the patches beside it (24 px of 224)."""


def diagnose(run: Path, domain: Domain, data_root: Path | None, replicates: int, seed: int) -> dict[str, Any]:
    """Score the run's test images in every variant of a domain and say where the loss comes from.

    Photographs of the target (``Photos``) are other images, of which nothing can be switched off: they are scored beside
    the run's own test images, and what looks different about them is told too.

    Args:
        run: folder of a finished run of train.py on one category, fitted on clean images.
        domain: the shift in question.
        data_root: where the images lie now; None for where the run had them.
        replicates, seed: of the paired bootstrap.

    Raises:
        AdshiftError: the run is unfinished, an evaluation, of several categories, or fitted elsewhere than clean.
    """
    cell = _cell(run, data_root)
    (category,) = cell.plan.categories
    photos = photos_of(domain)
    if domain.is_identity and photos is None:
        raise AdshiftError(f"domain={domain.name} leaves every image as it is; name a shift, such as domain=shift")
    own = cell.split.test or cell.split.calibration
    if not own:
        raise AdshiftError(
            f"run={run} has no image that its model has not seen, so that nothing can be compared; put some into "
            "test/good, or fit it with split=standard"
        )
    there = own if photos is None else _photographs(cell, Path(photos.root), run)
    samples = {CLEAN: own} if photos is None else {CLEAN: own, WHOLE: there}
    thresholds = read_calibration(run)
    asked = variants(domain) if photos is None else {CLEAN: SOURCE, WHOLE: domain}
    scored = {
        name: score_images(cell.trainer, cell.module, cell.datamodule, samples.get(name, own), variant)
        for name, variant in asked.items()
    }
    alone = scored.get("geometric alone", scored[WHOLE])
    if domain.geometric and cell.datamodule.correction is None and domain.border == "reflect":
        scored[IGNORED] = _ignoring(alone, domain)
    streams = dict.fromkeys(scored, seed) | ({} if photos is None else {WHOLE: seed + 1})  # other images, other draws
    figures = {
        name: measure(images, thresholds, (category,), replicates, streams[name]).categories[category]
        for name, images in scored.items()
    }
    rows = losses(figures, paired=photos is None)
    threshold = thresholds.pixel_threshold(category)
    if threshold is None:
        maps = [m for m, label in zip(scored[CLEAN].maps, scored[CLEAN].label_N, strict=True) if label == 0]
        threshold = float(np.quantile(np.stack(maps), FALLBACK_QUANTILE))
    places = {name: _places(cell, scored[name], seen, threshold) for name, seen in ((CLEAN, SOURCE), (WHOLE, domain))}
    good = {name: tuple(s for s in scored[name].samples if s.label == 0) for name in (CLEAN, WHOLE)}
    return {
        "run": str(run),
        "category": category,
        "domain": {key: value for key, value in asdict(domain).items() if key != "before"},
        "paired": photos is None,
        "looks": [in_words(change) for change in _looks(cell, good[WHOLE], domain) if change.shown],
        "components": [_loss(row) for row in rows],
        "culprit": culprit(rows),
        "pixel_threshold": threshold,
        "places": {name: [asdict(share) for share in found] for name, found in places.items()},
        "features": _features(cell, good, domain),
    }


def _photographs(cell: Cell, root: Path, run: Path) -> tuple[Sample, ...]:
    """Every photograph of a folder that the run has not been fitted on."""
    (index,) = index_photographs(root, cell.plan.categories)
    verify_files(root, index.samples, hashes=cell.datamodule.store.hashes)
    domain = Photos(root=str(root))
    contents = cell.datamodule.images(index.samples, domain).contents
    seen = contents_of(read_fitted(run) or (), "train")
    return strangers(index.samples, contents, seen, frozenset())


def _looks(cell: Cell, good: Sequence[Sample], domain: Domain) -> tuple[Change, ...]:
    """What looks different about good images of the domain, against the train images; at the detector's size."""
    train = cell.split.train[:: -(-len(cell.split.train) // TRAIN_IMAGES)]
    pictures = [cell.datamodule.images(s, d).image_NSS3 for s, d in ((train, SOURCE), (good, domain)) if s]
    return changes(*([measured(np.asarray(p)) for p in images] for images in pictures)) if len(pictures) == 2 else ()


def _cell(run: Path, data_root: Path | None) -> Cell:
    result = read_result(run)
    config = dict(result["config"])
    if "run" in config:
        raise AdshiftError(
            f"run={run} is itself an evaluation, without a model; give the run it evaluates: {config['run']}"
        )
    with read_config(run):
        moved = None if data_root is None else str(data_root)
        config["data"] = placed(config["data"], moved, run, "--data-root ")
        plan = make_plan(config, SOURCE)
        module = new_module(plan, weights="random")
    recipe = plan.recipe
    repaired = recipe.few is not None or recipe.test_time is not None
    if len(plan.categories) != 1 or recipe.train[0] != SOURCE or repaired:
        raise AdshiftError(
            f"run={run} must be a model of one category that was fitted on clean images, as with adaptation=none, "
            "robust or normalise; fit one and diagnose that"
        )
    load_checkpoint(module.method, run / CHECKPOINT, recorded_sha256(result, "checkpoint_sha256"))
    rule = recipe.correction
    return prepare(plan, foresee(plan), module, None if rule is None else rule.restored(read_correction(run)))


def _loss(row: Loss) -> dict[str, Any]:
    change = {
        name: {"estimate": d.estimate, "ci": None if d.interval is None else list(d.interval)}
        for name, d in row.change.items()
    }
    return {"variant": row.name, "figures": row.values, "change": change}


def _places(cell: Cell, scored: ScoredImages, domain: Domain, threshold: float) -> list[Share]:
    """The zones of the good test images as they are seen in a domain."""
    image_NSS3 = cell.datamodule.images(scored.samples, domain).image_NSS3
    maps, found = [], []
    for sample, image, anomaly_map in zip(scored.samples, image_NSS3, scored.maps, strict=True):
        if sample.label == 0:
            seen: dict[str, Zone] = zones(np.asarray(image))
            if domain.geometric and cell.datamodule.correction is None:
                seen[MIRRORED] = beyond_frame(domain.parameters(sample.category, sample.path), image.shape[0])
            maps.append(_at(anomaly_map, image.shape[0]))
            found.append(seen)
    return shares(maps, found, threshold) if maps else []


def _ignoring(scored: ScoredImages, domain: Domain) -> ScoredImages:
    """The same scores without what lies beyond the frame or within ``REACH`` of it: those pixels get the image's least."""
    import cv2

    maps, side = [], SIDE
    for sample, anomaly_map in zip(scored.samples, scored.maps, strict=True):
        beyond = beyond_frame(domain.parameters(sample.category, sample.path), side)
        hidden = grown(beyond, round(REACH * side)) if beyond.any() else beyond
        height, width = anomaly_map.shape
        at_map = cv2.resize(hidden.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
        maps.append(np.where(at_map > 0, anomaly_map.min(), anomaly_map))
    return replace(scored, maps=maps, score_N=np.array([float(m.max()) for m in maps]))


def _at(anomaly_map: Any, size: int) -> Any:
    import cv2

    if anomaly_map.shape == (size, size):
        return anomaly_map
    return cv2.resize(anomaly_map, (size, size), interpolation=cv2.INTER_LINEAR)


def _features(cell: Cell, good: Mapping[str, tuple[Sample, ...]], domain: Domain) -> dict[str, dict[str, float]]:
    """Layer -> how far good images' features lie from the train images': ``clean`` and in the ``whole`` domain."""
    backbone = cell.module.method.backbone.to(torch.device("cpu"))
    data = cell.datamodule
    train = cell.split.train[:: -(-len(cell.split.train) // TRAIN_IMAGES)]
    fitted = moments(backbone, data.images(train, SOURCE).loader(data.batch_size))
    moved = {
        name: movement(fitted, moments(backbone, data.images(good[name], seen).loader(data.batch_size)))
        for name, seen in ((CLEAN, SOURCE), (WHOLE, domain))
        if good[name]
    }
    return {layer: {name: found[layer] for name, found in moved.items()} for layer in fitted.mean}
