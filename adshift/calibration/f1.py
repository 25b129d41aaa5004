"""The threshold with the best F1 on labelled calibration scores: the study's own."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from adshift.calibration.calibration import Calibration
from adshift.calibration.scores import checked_scores
from adshift.errors import AdshiftError

FEW_ANOMALIES = 5
"""With fewer anomalous scores the best cut is an accident of which defects they are."""


@dataclass(frozen=True)
class F1:
    """The exact maximiser of F1 = 2 TP / (2 TP + FP + FN) under `score >= threshold`.

    Every distinct score is a candidate. One that belongs to normals alone cannot win (it has the true
    positives of the next anomalous score above it and more false positives), so only the anomalies' scores
    are tried: a sort and a binary search each, O(n log n), good for millions of pixels. Of thresholds with
    equal F1 the highest is taken, which has the fewest false alarms, hence the highest specificity.

    All thresholds over the highest score that is called normal, up to the lowest that is called anomalous, decide these
    scores alike. The threshold is the middle of the two: on the lowest anomalous score itself, the next defect that is
    a little fainter would be missed though no normal one comes near. No false-alarm rate is promised.
    """

    kind: ClassVar[str] = "f1"
    needs_anomalies: ClassVar[bool] = True

    def calibrate(self, scores_N: np.ndarray, labels_N: np.ndarray, groups_N: np.ndarray | None = None) -> Calibration:
        """The threshold for N raw scores with labels 0 and 1; groups change nothing, as it makes no promise.

        It lies between two of the scores; on the lowest of all where every one is called anomalous. A warning says where
        it rests on fewer than ``FEW_ANOMALIES`` anomalous ones.

        Raises:
            AdshiftError: no anomalous score, and whatever `checked_scores` refuses.
        """
        normal, anomalous = checked_scores(scores_N, labels_N)
        if anomalous.size == 0:
            raise AdshiftError(
                "threshold=f1 with 0 anomalous calibration scores needs at least 1, "
                "for without anomalies every F1 is 0; "
                "use threshold=conformal, quantile, evt or sigma, which need normals alone"
            )
        candidates_C, counts_C = np.unique(anomalous, return_counts=True)
        true_positives_C = np.cumsum(counts_C[::-1])[::-1]
        false_positives_C = normal.size - np.searchsorted(np.sort(normal), candidates_C, side="left")
        f1_C = 2 * true_positives_C / (true_positives_C + false_positives_C + anomalous.size)
        best = candidates_C.size - 1 - int(np.argmax(f1_C[::-1]))
        lowest, n = float(candidates_C[best]), normal.size + anomalous.size
        warnings = []
        if anomalous.size < FEW_ANOMALIES:
            warnings.append(
                f"f1: the threshold rests on {anomalous.size} anomalous calibration scores, fewer than "
                f"{FEW_ANOMALIES}; add defective images, or use threshold=conformal, which needs normal ones alone"
            )
        if false_positives_C[best] == normal.size:
            warnings.append(
                f"f1: the best F1 ({f1_C[best]:.3f}) calls all {normal.size} calibration normals anomalous; "
                "the scores do not separate the two"
            )
        threshold = _middle(np.concatenate([normal, anomalous]), lowest)
        return Calibration(self.kind, {}, threshold, n, promised_rate=None, warnings=tuple(warnings))


def _middle(scores_N: np.ndarray, lowest: float) -> float:
    """Halfway from the highest score under ``lowest`` to it; ``lowest`` itself where none is, or no number between."""
    under = scores_N[scores_N < lowest]
    if not under.size:
        return lowest
    middle = float(under.max()) / 2 + lowest / 2  # halved first: the sum could overflow
    return middle if float(under.max()) < middle else lowest
