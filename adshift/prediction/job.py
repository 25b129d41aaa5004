"""predict.py: verdicts on a folder of images, written as they come."""

from __future__ import annotations

import json
import logging
import sys
import time
from pathlib import Path
from typing import Any

from omegaconf import DictConfig
from tqdm import tqdm

from adshift.calibration.pixel_rule import AREA, IMAGE
from adshift.calibration.thresholds import MANUAL
from adshift.config.build import plain
from adshift.config.threshold import threshold_by_hand
from adshift.data.aspect import SQUASHED_REMEDY, aspect, is_squashed, squashed
from adshift.data.listing import Listing
from adshift.errors import AdshiftError
from adshift.prediction.batch import FDR, decide_batch
from adshift.prediction.detector import Detector, Prediction, load_detector
from adshift.prediction.earlier import SUMMARY, remove_earlier
from adshift.prediction.foresee import foresee
from adshift.prediction.pages import Pages
from adshift.prediction.pictures import Pictures
from adshift.prediction.rows import CSV, JSON_LINES, Row, RowWriter
from adshift.prediction.sources import list_images
from adshift.system.atomic import write_text
from adshift.system.provenance import peak_memory
from adshift.system.terminal import say, tell, tell_above

ANOMALOUS = 3
"""Exit status with fail_on_anomaly=true where an image was anomalous."""
INCOMPLETE = 4
"""Exit status with fail_on_anomaly=true where no image was anomalous and one could not be read."""

WORDS = {MANUAL: ", a manual threshold", FDR: ", the threshold of this batch at its false discovery rate"}
"""What is said of a threshold that is not the run's own, by its kind."""


class Desk:
    """Where verdicts arrive one by one: each becomes a row, a card, perhaps a picture, and is then forgotten.

    Args:
        rows: open for writing.
        drawer: of the pictures.
        pages: of the gallery.
        strict: an image that cannot be read ends the program.
        bar: of the progress.
    """

    def __init__(self, rows: RowWriter, drawer: Pictures, pages: Pages, strict: bool, bar: Any) -> None:
        self._rows = rows
        self._drawer = drawer
        self._pages = pages
        self._strict = strict
        self._bar = bar
        self.images = self.anomalous = self.outlined = self.skipped = self.suspicious = self.squashed = 0
        self.longest = (1, 1)

    def take(self, found: Prediction) -> None:
        """A verdict."""
        overlay, anomaly_map = self._drawn(found)
        decision = None if found.anomalous is None else int(found.anomalous)
        self._keep(Row(found.name, found.score, found.threshold, decision, overlay, anomaly_map, p_value=found.p_value))
        if found.note:
            tell_above(self._bar, f"adshift: note: {found.note}")
        self.suspicious += bool(found.note)
        self.images += 1
        self.anomalous += bool(found.anomalous)
        self.outlined += bool(found.regions)
        if is_squashed(*found.shape):
            self.squashed += 1
            self.longest = max(self.longest, found.shape, key=lambda shape: aspect(*shape))

    def skip(self, name: str, why: str) -> None:
        """An image without a score: it cannot be read, or the score is not finite; raises AdshiftError if ``strict``."""
        if self._strict:
            raise AdshiftError(f"{why} (strict=true ends here; strict=false reports the image and goes on)")
        tell_above(self._bar, f"adshift: skipped: {why}")
        self._keep(Row(name, None, None, None, error=why))
        self.skipped += 1

    def _keep(self, row: Row) -> None:
        self._rows.write(row)
        self._pages.add(self.images + self.skipped, row)
        self._bar.update()

    def _drawn(self, found: Prediction) -> tuple[str, str]:
        if not self._drawer.wanted(found):
            return "", ""
        try:
            return self._drawer.draw(self.images + self.skipped, found)
        except AdshiftError as error:
            tell_above(self._bar, f"adshift: without picture: {error}")
            return "", ""


def predict(config: DictConfig) -> None:
    """Score every image of the source; rows and pictures go into Hydra's output folder, summary.json last.

    An earlier prediction there goes, its summary.json first.

    Raises:
        AdshiftError: the run, the source or a value of the configuration is of no use; no image of the source can be read;
            with ``strict`` an image cannot; a score is not finite.
        SystemExit: with ``fail_on_anomaly`` status 3 where an image was anomalous, else 4 where one could not be read.
    """
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    chosen, hydra = plain(config), HydraConfig.get()
    foresee(chosen)
    if chosen["fail_on_anomaly"] and hydra.mode == RunMode.MULTIRUN:
        raise AdshiftError("fail_on_anomaly=true answers for one source; leave -m out, or read each job's summary.json")
    logging.getLogger("faiss.loader").setLevel(logging.WARNING)  # it tells of every instruction set it tries
    folder = Path(hydra.runtime.output_dir)
    listing = list_images(chosen["source"])
    detector = load_detector(Path(chosen["run"]), chosen["category"], chosen["device"], threshold_by_hand(chosen))
    if detector.threshold is None and (chosen["fail_on_anomaly"] or chosen["pictures"] == "anomalous"):
        raise AdshiftError(
            f"run={chosen['run']} has no threshold, so that nothing is anomalous or normal; give one by hand "
            "(threshold=NUMBER), calibrate one with evaluate.py, or leave fail_on_anomaly=false and pictures=all"
        )
    if chosen["decide"] == FDR:
        note = decide_batch(detector, listing.images, chosen["fdr"], chosen["batch_size"], chosen["num_workers"])
        if note:
            tell(f"adshift: {note}")
    limits = chosen["max_pictures"], chosen["picture_size"]
    drawer = Pictures(folder, chosen["pictures"], *limits, detector.pixel_threshold, detector.pixel_rule.region)
    desk = _score_all(chosen, folder, listing, detector, drawer)
    if chosen["fail_on_anomaly"] and (desk.anomalous or desk.skipped):
        sys.exit(ANOMALOUS if desk.anomalous else INCOMPLETE)


def _score_all(chosen: dict[str, Any], folder: Path, listing: Listing, detector: Detector, drawer: Pictures) -> Desk:
    """Score the images and write everything; returns the desk with its counts."""
    started = time.perf_counter()
    remove_earlier(folder)
    pages = Pages(folder, f"Predictions: {chosen['source']}", _key(detector))
    bar = tqdm(total=len(listing.images), unit="image", desc="predict", disable=None)
    with RowWriter(folder) as rows, bar:
        desk = Desk(rows, drawer, pages, chosen["strict"], bar)
        for found in detector.predict(listing.images, chosen["batch_size"], chosen["num_workers"], desk.skip):
            desk.take(found)
    if not desk.images:
        raise AdshiftError(
            f"none of the {len(listing.images)} images of source={chosen['source']} can be read; see {folder / CSV}"
        )
    seconds = time.perf_counter() - started
    words = _in_words(desk, detector, listing)
    index = pages.finish(f"{words} Model: {chosen['run']}.")
    scale = drawer.scale
    summary = {
        "run": chosen["run"], "source": chosen["source"], "category": chosen["category"],
        "threshold": detector.threshold, "threshold_kind": detector.threshold_kind,
        "fdr": chosen["fdr"] if detector.threshold_kind == FDR else None, "normals": len(detector.normals),
        "pixel_threshold": detector.pixel_threshold, "pixel_rule": detector.pixel_rule.kind,
        "region": detector.pixel_rule.region, "pixel_promised_rate": detector.pixel_promised,
        "outlined": None if detector.pixel_threshold is None else desk.outlined,
        "images": desk.images, "anomalous": None if detector.threshold is None else desk.anomalous,
        "skipped": desk.skipped, "passed_over": dict(listing.passed), "suspicious": desk.suspicious,
        "squashed": desk.squashed, "pictures": sum(drawer.drawn.values()),
        "colours": None if scale is None else [scale.low, scale.high],
        "map_unit": None if scale is None else scale.unit,
        "device": str(detector.device), "memory": peak_memory(), "seconds": seconds,
        "ms_per_image": 1000 * seconds / desk.images,
    }  # fmt: skip
    write_text(folder / SUMMARY, json.dumps(summary, indent=1, allow_nan=False) + "\n")
    if desk.squashed:
        told = f"source={chosen['source']} {squashed(desk.squashed, *desk.longest)}; {SQUASHED_REMEDY}"
        tell(f"adshift: {told}")
    say(f"{words}\n{folder / CSV}\n{folder / JSON_LINES}\n{index}")
    return desk


def _key(detector: Detector) -> str:
    """How the gallery's pictures are read."""
    return (
        "Left the image, right the same under its anomaly map: the brighter, the less it looks like the good images."
        f"{_outlined(detector)} A click opens the map itself, in grey."
    )


def _outlined(detector: Detector) -> str:
    """What is outlined, and on how much of what is good that is to be expected."""
    if detector.pixel_threshold is None:
        return ""
    rule, rate = detector.pixel_rule, detector.pixel_promised
    what = "what lies" if rule.region == 1 else f"every region of at least {rule.region} pixels of the map"
    expected = "small spots of it are to be expected on good images too"
    if rule.kind == IMAGE and rate is not None:
        expected = f"about {100 * rate:.3g} % of good images have such an outline"
    elif rule.kind == AREA and rate is not None:
        expected = f"of a good image that is {100 * rate:.3g} % on average, or less"
    elif rule.kind == IMAGE:
        expected = "how many good images have one is not promised"
    return (
        f" Outlined is {what} at or over the pixel threshold ({detector.pixel_threshold:.4g}); {expected}. The verdict is "
        "the image score's alone."
    )


def _in_words(desk: Desk, detector: Detector, listing: Listing) -> str:
    found = "no threshold, nothing decided" if detector.threshold is None else (
        f"{desk.anomalous} anomalous (score >= {detector.threshold:.4g}"
        f"{WORDS.get(detector.threshold_kind or '', '')})"
    )  # fmt: skip
    parts = [f"{desk.images} images", found, f"{desk.skipped} not read"]
    parts += [f"{desk.suspicious} with values that can hardly be meant"] if desk.suspicious else []
    parts += [listing.in_words()] if listing.in_words() else []
    return ", ".join(parts) + "."
