"""What an earlier run left in the folder that another now goes into."""

from __future__ import annotations

from pathlib import Path

from adshift.errors import AdshiftError
from adshift.results.files import (
    BASE,
    CALIBRATION,
    CHECKPOINT,
    CORRECTION,
    FITTED,
    MAPS,
    PICTURES,
    REPLICATES,
    RESULT,
    SCORES,
)
from adshift.results.plain_json import config_of


def refuse_fitted(folder: Path) -> None:
    """Refuse to evaluate into the folder of a fit, whose model would go.

    Raises:
        AdshiftError: it is one.
    """
    held = config_of(folder)
    if held is not None and "run" not in held:
        raise AdshiftError(
            f"the output folder {folder} holds a run of train.py, whose model and figures would go; name another one, "
            "hydra.run.dir=FOLDER, or leave it out"
        )


def remove_earlier(folder: Path) -> None:
    """Remove an earlier run's files, first the result, which says that it is finished; anybody else's stay.

    Models go in any case: one that is there would be taken for this run's.
    """
    was_run = (folder / RESULT).is_file() or (folder / SCORES).is_file()
    for name in (RESULT, CHECKPOINT, BASE):
        (folder / name).unlink(missing_ok=True)
    if not was_run:
        return
    for name in (CALIBRATION, CORRECTION, FITTED, MAPS, REPLICATES):
        (folder / name).unlink(missing_ok=True)
    for kind in ("normal", "anomalous"):
        for sheet in (folder / PICTURES).glob(f"*_{kind}.png"):
            sheet.unlink(missing_ok=True)
    (folder / SCORES).unlink(missing_ok=True)  # the mark of a run goes last, so that a cut removal is gone on with
