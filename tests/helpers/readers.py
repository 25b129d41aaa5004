"""The programs that read one run: each up to where its work begins, and each whole."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

from hydra import compose, initialize_config_dir

from adshift.config.build import plain
from adshift.diagnose.job import diagnose
from adshift.errors import AdshiftError
from adshift.export.metadata import metadata, to_text
from adshift.launch.cli import one_line
from adshift.prediction.foresee import foresee
from adshift.report.document import Embedded
from adshift.report.make import make_report
from adshift.run.evaluate import opened
from adshift.run.fitted import load_fitted
from adshift.shift.by_name import named_domain
from adshift.stress.job import put_under_stress
from adshift.tracking.record import read_record
from helpers.inprocess import Finished, invoke
from helpers.repo import REPO

Reader = Callable[[Path], object]
BEGINNINGS = ("diagnose.job.score_images", "stress.job.Bench")
"""The first thing that each of these programs calls once it has read its run."""
CALLBACKS = "pytorch_lightning.trainer.connectors.callback_connector._load_external_callbacks"
"""Reads the metadata of every installed package, which takes longer than all else that makes a trainer."""
FEW = ("images=10", "folds=2", "bootstrap=100")
WHOLE: dict[str, tuple[str, Sequence[str]]] = {
    "predict": ("predict.py", ["run=RUN", "source=PHOTOS"]),
    "export": ("export.py", ["run=RUN"]),
    "evaluate": ("evaluate.py", ["run=RUN", "domain=shift", "save_maps=true"]),
    "advise": ("adshift/advise/__main__.py", ["run=RUN", "domain.root=PHOTOS", "repairs=[none,threshold]", *FEW]),
    "stress": ("adshift/stress/__main__.py", ["run=RUN", "severities=[1]", "components=[all]", "repairs=[none]", *FEW]),
    "diagnose": ("adshift/diagnose/__main__.py", ["RUN", "--bootstrap=100"]),
    "report": ("adshift/report/__main__.py", ["RUN"]),
}
"""Program -> its script, and words that make it quick."""


class BeganError(Exception):
    """The run was read, and the work begins."""


def readers(photographs: Path, folder: Path) -> dict[str, Reader]:
    """Programs -> what reads a run for them; ``read`` says how it ended.

    Args:
        photographs: a folder of good images.
        folder: what is written goes there.
    """
    asked = {
        "predict": _keys("predict", f"source={photographs}"),
        "evaluate": _keys("evaluate", "store=off"),
        "stress": _keys("stress", "store=off"),
    }

    def of(program: str, run: Path) -> dict[str, Any]:
        return asked[program] | {"run": str(run)}

    def predict(run: Path) -> None:
        foresee(of("predict", run))
        fitted = load_fitted(run)
        to_text(metadata(fitted, None))

    return {
        "predict, export": predict,
        "evaluate, advise": lambda run: opened(of("evaluate", run)),
        "stress": lambda run: put_under_stress(of("stress", run)),
        "diagnose": lambda run: diagnose(run, named_domain("shift", 1.0, 0), None, 100, 0),
        "report": lambda run: make_report([run], folder / "report", "runs", pictures=0),
        "trackers": read_record,
    }


def _keys(program: str, *overrides: str) -> dict[str, Any]:
    """A program's keys as its command line gives them."""
    with initialize_config_dir(str(REPO / "conf"), version_base="1.3"):
        return plain(compose(program, ["run=RUN", *overrides]))


def read(reader: Reader, run: Path) -> str:
    """``read``, ``refused``, or the exception of a traceback. Plots of a report are left out: they take seconds."""
    with contextlib.ExitStack() as stops:
        for name in BEGINNINGS:
            stops.enter_context(mock.patch(f"adshift.{name}", side_effect=BeganError))
        stops.enter_context(mock.patch(CALLBACKS, return_value=[]))
        stops.enter_context(mock.patch("adshift.report.write._draw", return_value=Embedded("", False)))
        stops.enter_context(contextlib.redirect_stderr(io.StringIO()))
        stops.enter_context(contextlib.redirect_stdout(io.StringIO()))
        try:
            reader(run)
        except BeganError:
            return "read"
        except AdshiftError as error:
            return "refused" if one_line(error).isprintable() else repr(error)
        except Exception as error:
            return repr(error)
    return "read"


def run_whole(program: str, run: Path, photographs: Path, folder: Path) -> Finished:
    """A whole program on a run, its outputs in ``folder``."""
    script, words = WHOLE[program]
    told = [word.replace("RUN", str(run)).replace("PHOTOS", str(photographs)) for word in words]
    out = ["--out", str(folder)] if program in ("diagnose", "report") else [f"hydra.run.dir={folder}"]
    return invoke(script, *told, *out)
