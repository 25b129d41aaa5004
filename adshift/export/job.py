"""export.py: a finished run as one file for a line, checked against the run before it gets its name."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig

from adshift.config.build import plain
from adshift.config.threshold import threshold_by_hand
from adshift.errors import AdshiftError
from adshift.export.checks import (
    CHECKED_BATCHES,
    TIMED_BATCHES,
    TOLERANCE,
    Array,
    Run,
    checked_sizes,
    difference,
    latency_ms,
    native_run,
    on_pictures,
    pictures,
    probes,
)
from adshift.export.foresee import foresee
from adshift.export.formats import write
from adshift.export.graph import PictureGraph, detector_graph
from adshift.export.metadata import metadata, to_text
from adshift.export.packages import IN_GRAPH, SUFFIXES
from adshift.export.sample import PICTURE, sample_size, write_sample
from adshift.export.sessions import open_session
from adshift.run.fitted import load_fitted
from adshift.system.atomic import write_text
from adshift.system.scratch import scratch_folder
from adshift.system.terminal import say
from adshift.system.writing import writing

REPORT = "export.json"


def export(config: DictConfig) -> dict[str, Any]:
    """Write the run's model into Hydra's output folder, beside export.json: metadata, parity, latency. Returns the latter.

    Raises:
        AdshiftError: the run or the format is of no use, a package is missing, or the file gives other scores than the run.
    """
    from hydra.core.hydra_config import HydraConfig

    chosen = plain(config)
    foresee(chosen)
    kind, run, resize = chosen["format"], chosen["run"], chosen["resize"]
    logging.getLogger("faiss.loader").setLevel(logging.WARNING)  # it tells of every instruction set it tries
    fitted = load_fitted(Path(run))
    if fitted.correction is not None:
        raise AdshiftError(
            f"run={run} corrects every image before the model sees it, which no exported graph does; use predict.py, or a "
            "run without adaptation=normalise"
        )
    detector = detector_graph(fitted.method, fitted.image_size)
    graph = PictureGraph(detector, fitted.image_size).eval() if resize == IN_GRAPH else detector
    native = native_run(fitted.method, detector)
    held = metadata(fitted, chosen["category"], resize, threshold_by_hand(chosen))
    folder = Path(HydraConfig.get().runtime.output_dir)
    with scratch_folder(folder, "export") as made:
        files = write(kind, graph, fitted.image_size, to_text(held), made / f"model{SUFFIXES[kind]}")
        report = {"format": kind, "files": [file.name for file in files], "metadata": held}
        report |= _checks(files[0], resize, fitted.image_size, native)
        for file in reversed(files):  # the one that is opened comes last
            os.replace(file, folder / file.name)
    shown = on_pictures(native, fitted.image_size)
    with writing(folder):
        report["sample"] = write_sample(folder, kind, resize, fitted.image_size, files[0].name, shown)
    report["bytes"] = sum((folder / file.name).stat().st_size for file in files)
    write_text(folder / REPORT, json.dumps(report, indent=1, allow_nan=False) + "\n")
    say(_in_words(report, folder))
    return report


def _checks(path: Path, resize: str, size: int, native: Run) -> dict[str, Any]:
    threads = torch.get_num_threads()
    session = open_session(path, threads)
    if resize == IN_GRAPH:
        native = on_pictures(native, size)
        images: list[Array] = [pictures(1 + i % 2, *shape) for i, shape in enumerate(checked_sizes(size))]
        timed: list[Array] = [pictures(count, *sample_size(size)) for count in TIMED_BATCHES]
    else:
        images = [probes(count, size) for count in CHECKED_BATCHES]
        timed = [probes(count, size) for count in TIMED_BATCHES]
    found = max(difference(session, native, batch) for batch in images)
    if not found <= TOLERANCE:
        raise AdshiftError(
            f"the exported file differs from the run by {found:.1e}, more than {TOLERANCE:.0e}; nothing was written, "
            "please report this"
        )
    return {
        "runtime": session.runtime,
        "threads": threads,
        "largest_difference": found,
        "ms_per_image": latency_ms({"native": native, "exported": session.run}, timed),
    }


def _in_words(report: dict[str, Any], folder: Path) -> str:
    native, exported = (report["ms_per_image"][name] for name in ("native", "exported"))
    lines = [
        f"{report['format']}: {report['bytes'] / 1e6:.1f} MB, at most {report['largest_difference']:.1e} from the run's "
        f"own scores ({report['runtime']})",
        "| ms an image, batch | native | exported |",
        "|---|---|---|",
        *(f"| {batch} | {native[batch]:.1f} | {exported[batch]:.1f} |" for batch in native),
        str(folder / report["files"][0]),
        f"{folder / report['sample']['checks'][0]}: checks on the line that {PICTURE} gets its score",
        str(folder / REPORT),
    ]
    return "\n".join(lines)
