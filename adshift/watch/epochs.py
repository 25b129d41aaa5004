"""Which epoch a watch is in: the one that it was in, or a new one where another model or threshold is to judge."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from adshift.calibration.groups import normals_in_groups
from adshift.drift.evidence import Evidence
from adshift.prediction.detector import Detector
from adshift.results.read import read_calibration, read_result
from adshift.run.fitted import EVALUATED
from adshift.system.hashes import file_sha256
from adshift.watch.book import Book
from adshift.watch.records import Epoch
from adshift.watch.streams import STREAMS
from adshift.watch.usual import usual_looks


def home_of(run: Path) -> str:
    """The run whose model judges: an evaluation's own, or the run itself."""
    return str(Path(read_result(run)["config"].get(EVALUATED, run)).resolve())


def has_several(run: Path) -> bool:
    """Whether a run has several categories, of which a line shows one."""
    return len(read_result(run)["metrics"]["categories"]) > 1


def decides(run: Path, category: str | None) -> str:
    """SHA-256 of what decides: the result that names the model, the thresholds, whose they are."""
    parts = [file_sha256(run / name) for name in ("result.json", "calibration.json") if (run / name).is_file()]
    return hashlib.sha256(json.dumps([*parts, category]).encode()).hexdigest()


def enter(
    book: Book,
    run: Path,
    category: str | None,
    detector: Detector,
    delta: float,
    seed: int,
    data_root: str | None,
    group_of: Callable[[str], str],
    why: str,
    also: Callable[[], None] | None = None,
) -> tuple[Epoch, Evidence]:
    """Go on in the last epoch where the same run decides and ``why`` is empty; else begin one.

    An epoch's evidence begins with the scores of the good images that the threshold rests on, and with the looks of
    pictures of the same domain (``usual_looks``).

    Args:
        book: the data base.
        run: the folder that decides.
        category: whose threshold, where the run has several.
        detector: of the run.
        delta, seed: of the evidence; they hold for the whole epoch.
        data_root: where the images of the fit lie now; None: where they lay.
        group_of: the series of a picture by its path; empty where it is one by itself.
        why: a new one is wanted; empty where it is not.
        also: what is written down together with a new epoch, or not at all.
    """
    model = decides(run, category)
    earlier = book.epochs()
    if earlier and not why and (earlier[-1].model, earlier[-1].delta, earlier[-1].seed) == (model, delta, seed):
        evidence = Evidence(STREAMS, delta, seed)
        book.restore_evidence(evidence)
        return earlier[-1], evidence
    looks, told = usual_looks(run, category, detector.image_size, data_root, seed, group_of)
    kept = read_calibration(run).image
    own = kept.get(category or next(iter(kept), ""), next(iter(kept.values()), None))
    reason = why or ("the watch begins" if not earlier else _reason(earlier[-1], model, delta, seed))
    epoch = Epoch(
        len(earlier) + 1, time.time(), str(run.absolute()), model, detector.threshold, detector.threshold_kind,
        None if own is None else own.promised_rate, len(detector.normals), delta, seed, looks, reason, told,
    )  # fmt: skip
    evidence = Evidence(STREAMS, delta, seed)
    evidence.learn(0, one_a_series(detector.normals, detector.series, seed))
    for i in range(1, len(STREAMS)):
        evidence.learn(i, (look[i - 1] for look in looks))
    with book.transaction():
        book.begin(epoch)
        if also is not None:
            also()
        book.keep_evidence(evidence)
    return epoch, evidence


def one_a_series(scores: Sequence[float], series: Sequence[int], seed: int) -> list[float]:
    """One score of every series, drawn by ``seed``, as the evidence takes one part of every series of the line."""
    score_N = np.asarray(scores, np.float64)
    groups = np.asarray(series) if series else None
    return (
        normals_in_groups(score_N, np.zeros(score_N.size, np.int64), groups).one_a_group(seed).tolist()
        if scores
        else []
    )


def _reason(last: Epoch, model: str, delta: float, seed: int) -> str:
    if last.model != model:
        return "another run or threshold judges"
    return f"drift.delta={delta} drift.seed={seed} in the place of {last.delta} and {last.seed}"
