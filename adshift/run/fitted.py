"""A finished run read back from its folder: the model, its decision rule, and what an image must be brought to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adshift.adaptation.recipe import Recipe
from adshift.calibration.thresholds import GLOBAL, Thresholds
from adshift.config.model import model_plan
from adshift.config.regime import born_recipe
from adshift.data.correction import Correction
from adshift.errors import AdshiftError
from adshift.methods.method import Method
from adshift.results.checkpoint import load_checkpoint, recorded_sha256
from adshift.results.files import BASE, CHECKPOINT
from adshift.results.read import read_calibration, read_config, read_correction, read_result
from adshift.shift.domain import Domain

EVALUATED = "run"
"""The key by which an evaluation names the run whose model it used."""


@dataclass(frozen=True)
class Fitted:
    """A model with its decision rule.

    Attributes:
        folder: the run's folder, as it was given.
        config: its resolved configuration.
        method: fitted, in eval mode, on the CPU.
        thresholds: image and pixel thresholds; empty for a run without calibration images.
        correction: what every image goes through before it is resized; None for images as they are.
    """

    folder: Path
    config: dict[str, Any]
    method: Method
    thresholds: Thresholds
    correction: Correction | None = None

    @property
    def categories(self) -> tuple[str, ...]:
        """What the model was fitted on."""
        return tuple(self.config["data"]["categories"])

    @property
    def image_size(self) -> int:
        """Side of the square input in pixels."""
        return int(self.config["image_size"])

    def category(self, asked: str | None) -> str:
        """Whose threshold decides: ``asked``, or the run's only category, or ``global``; any where there is none.

        Raises:
            AdshiftError: the run has no such category, or has several and none was named.
        """
        several = ", ".join(self.categories)
        if asked is not None and asked not in self.categories:
            raise AdshiftError(f"category={asked} is none of the run's ({several}); name one of those")
        if asked is not None:
            return asked
        if GLOBAL in self.thresholds.image:
            return GLOBAL
        if len(self.categories) > 1 and self.thresholds.image:
            raise AdshiftError(
                f"run={self.folder} holds {len(self.categories)} categories with a threshold each ({several}); say whose "
                "images these are: category=NAME"
            )
        return self.categories[0]


def load_fitted(folder: Path) -> Fitted:
    """Read a finished run of train.py, or of evaluate.py: then its thresholds, on the model that it evaluated.

    Raises:
        AdshiftError: the run is unfinished, or a file of it is missing, broken or not the one that was recorded.
    """
    config = read_result(folder)["config"]
    recipe, home = _recipe(folder, config), Path(str(config.get(EVALUATED, folder)))
    born = recipe if home == folder else _born(home)
    path, recorded = _model(folder, home, recipe, born)
    if not path.is_file():
        raise AdshiftError(
            f"run={folder} needs the model {path}, which does not exist; give the folder of a finished run, and call from "
            "where it was made"
        )
    with read_config(folder):
        method = model_plan(config).built(weights="random")  # the checkpoint holds the backbone's weights too
        rule = recipe.correction or born.correction
        correction = None if rule is None else rule.restored(read_correction(folder))
        fitted = Fitted(folder, config, method.eval(), read_calibration(folder), correction)
        _ = fitted.categories, fitted.image_size
    load_checkpoint(method, path, recorded)
    return fitted


def _model(folder: Path, home: Path, recipe: Recipe, born: Recipe) -> tuple[Path, str | None]:
    """The file of the model that a run scored with, and its recorded hash.

    That is its own where it made one: fitted, or repaired with a few images. An evaluation without a repair of its own
    scored with the model as it was fitted, whatever the evaluated run's own repair made of that.
    """
    if home == folder or recipe.few is not None:
        return folder / CHECKPOINT, recorded_sha256(read_result(folder))
    if born.few is not None:
        return home / BASE, recorded_sha256(read_result(home), "base_sha256")
    return home / CHECKPOINT, recorded_sha256(read_result(home))


def _born(home: Path) -> Recipe:
    config = read_result(home)["config"]
    with read_config(home):
        return born_recipe(config, Domain())


def _recipe(folder: Path, config: dict[str, Any]) -> Recipe:
    """The run's recipe; raises AdshiftError where it does not score one image at a time, as it is."""
    with read_config(folder):
        recipe = born_recipe(config, Domain())
    if recipe.test_time is not None:
        raise AdshiftError(
            f"run={folder} scores whole batches or several views (adaptation=test_time), and predict.py and export.py one "
            "image at a time, as it is; use a run without it"
        )
    return recipe
