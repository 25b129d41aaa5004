"""A new threshold from the photographs of an alarm, on a copy: the run that watched stays as it was."""

from __future__ import annotations

from pathlib import Path

from adshift.config.nodes import CONFORMAL, NO_STORE, THRESHOLD, photos
from adshift.config.threshold import calibrator_of
from adshift.results.read import read_config, read_result


def repair_threshold(home: Path, photographs: Path, data_root: str | None, out: Path) -> Path:
    """Calibrate a run anew on a folder of photographs, as ``evaluate.py domain=photos adaptation=threshold`` does.

    Args:
        home: the run of train.py.
        photographs: the folder.
        data_root: where the images of the fit lie now; None: where they lay.
        out: the folder of the new run.

    Raises:
        AdshiftError: the run or the photographs are of no use, as ``adshift.run.evaluate.opened`` says.
    """
    from adshift.run.evaluate import evaluate_into

    config = read_result(home)["config"]
    with read_config(home):
        needs_defects = calibrator_of(config["threshold"]).needs_anomalies
    out.mkdir(parents=True, exist_ok=True)
    evaluate_into(
        {
            "run": str(home),
            "data_root": data_root,
            "domain": photos(photographs),
            "adaptation": THRESHOLD,
            "save_maps": False,
            "store": NO_STORE,
            **({"threshold": CONFORMAL} if needs_defects else {}),
        },
        out,
    )
    return out
