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

from adshift.config.build import checked, plain
from adshift.data.aspect import SQUASHED_REMEDY, aspect, is_squashed, squashed
from adshift.errors import AdshiftError
from adshift.prediction.detector import Detector, Prediction, load_detector
from adshift.prediction.pages import Pages
from adshift.prediction.pictures import Pictures
from adshift.prediction.rows import CSV, JSON_LINES, Row, RowWriter
from adshift.prediction.sources import list_images
from adshift.system.atomic import write_text
from adshift.system.provenance import peak_memory

ANOMALOUS = 3
"""Exit status with fail_on_anomaly=true where an image was anomalous."""
SUMMARY = "summary.json"


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
        self.images = self.anomalous = self.skipped = self.squashed = 0
        self.longest = (1, 1)

    def take(self, found: Prediction) -> None:
        """A verdict."""
        overlay, anomaly_map = self._drawn(found)
        decision = None if found.anomalous is None else int(found.anomalous)
        self._keep(Row(found.name, found.score, found.threshold, decision, overlay, anomaly_map))
        self.images += 1
        self.anomalous += bool(found.anomalous)
        if is_squashed(*found.shape):
            self.squashed += 1
            self.longest = max(self.longest, found.shape, key=lambda shape: aspect(*shape))

    def skip(self, name: str, why: str) -> None:
        """An image that cannot be read; raises AdshiftError if ``strict``."""
        if self._strict:
            raise AdshiftError(f"{why} (strict=true ends here; strict=false reports the image and goes on)")
        self._bar.write(f"adshift: skipped: {why}", file=sys.stderr)
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
            self._bar.write(f"adshift: without picture: {error}", file=sys.stderr)
            return "", ""


def predict(config: DictConfig) -> None:
    """Score every image of the source; rows and pictures go into Hydra's output folder, summary.json last.

    Raises:
        AdshiftError: the run, the source or a value of the configuration is of no use; no image of the source can be read;
            with ``strict`` an image cannot.
        SystemExit: status 3 with ``fail_on_anomaly`` where an image was anomalous.
    """
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    chosen, hydra = _checked(plain(config)), HydraConfig.get()
    if chosen["fail_on_anomaly"] and hydra.mode == RunMode.MULTIRUN:
        raise AdshiftError("fail_on_anomaly=true answers for one source; leave -m out, or read each job's summary.json")
    logging.getLogger("faiss.loader").setLevel(logging.WARNING)  # it tells of every instruction set it tries
    folder = Path(hydra.runtime.output_dir)
    paths = list_images(chosen["source"])
    detector = load_detector(Path(chosen["run"]), chosen["category"], chosen["device"])
    if detector.threshold is None and (chosen["fail_on_anomaly"] or chosen["pictures"] == "anomalous"):
        raise AdshiftError(
            f"run={chosen['run']} has no threshold, so that nothing is anomalous or normal; calibrate one with "
            "evaluate.py, or leave fail_on_anomaly=false and pictures=all"
        )
    limits = chosen["max_pictures"], chosen["picture_size"]
    drawer = Pictures(folder, chosen["pictures"], *limits, detector.pixel_threshold)
    anomalous = _score_all(chosen, folder, paths, detector, drawer)
    if chosen["fail_on_anomaly"] and anomalous:
        sys.exit(ANOMALOUS)


def _checked(chosen: dict[str, Any]) -> dict[str, Any]:
    kinds = {bool: ("strict", "fail_on_anomaly"), str: ("run", "source", "device", "pictures"),
             int: ("batch_size", "num_workers", "max_pictures", "picture_size")}  # fmt: skip
    for kind, keys in kinds.items():
        for key in keys:
            checked(key, chosen[key], kind)
    return chosen


def _score_all(chosen: dict[str, Any], folder: Path, paths: list[str], detector: Detector, drawer: Pictures) -> int:
    """Score the images and write everything; returns how many were anomalous."""
    started = time.perf_counter()
    pages = Pages(folder, f"Predictions: {chosen['source']}", _key(detector))
    bar = tqdm(total=len(paths), unit="image", desc="predict", disable=None)
    with RowWriter(folder) as rows, bar:
        desk = Desk(rows, drawer, pages, chosen["strict"], bar)
        for found in detector.predict(paths, chosen["batch_size"], chosen["num_workers"], desk.skip):
            desk.take(found)
    if not desk.images:
        raise AdshiftError(
            f"none of the {len(paths)} images of source={chosen['source']} can be read; see {folder / CSV}"
        )
    seconds = time.perf_counter() - started
    words = _in_words(desk, detector)
    index = pages.finish(f"{words} Model: {chosen['run']}.")
    scale = drawer.scale
    summary = {
        "run": chosen["run"], "source": chosen["source"], "category": chosen["category"],
        "threshold": detector.threshold, "pixel_threshold": detector.pixel_threshold,
        "images": desk.images, "anomalous": None if detector.threshold is None else desk.anomalous,
        "skipped": desk.skipped, "squashed": desk.squashed, "pictures": sum(drawer.drawn.values()),
        "colours": None if scale is None else [scale.low, scale.high],
        "map_unit": None if scale is None else scale.unit,
        "device": str(detector.device), "memory": peak_memory(), "seconds": seconds,
        "ms_per_image": 1000 * seconds / desk.images,
    }  # fmt: skip
    write_text(folder / SUMMARY, json.dumps(summary, indent=1, allow_nan=False) + "\n")
    if desk.squashed:
        told = f"source={chosen['source']} {squashed(desk.squashed, *desk.longest)}; {SQUASHED_REMEDY}"
        print(f"adshift: {told}", file=sys.stderr)
    print(f"{words}\n{folder / CSV}\n{folder / JSON_LINES}\n{index}")
    return desk.anomalous


def _key(detector: Detector) -> str:
    """How the gallery's pictures are read."""
    outlined = "" if detector.pixel_threshold is None else (
        f" Outlined is what lies at or over the pixel threshold ({detector.pixel_threshold:.4g}); small spots of it are "
        "to be expected on good images too. The verdict is the image score's alone."
    )  # fmt: skip
    return (
        "Left the image, right the same under its anomaly map: the brighter, the less it looks like the good images."
        f"{outlined} A click opens the map itself, in grey."
    )


def _in_words(desk: Desk, detector: Detector) -> str:
    found = "no threshold, nothing decided" if detector.threshold is None else (
        f"{desk.anomalous} anomalous (score >= {detector.threshold:.4g})"
    )  # fmt: skip
    return f"{desk.images} images, {found}, {desk.skipped} not read."
