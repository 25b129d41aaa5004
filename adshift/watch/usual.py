"""What is usual on a line: the pictures that a run's model and threshold rest on, as far as they are still there."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from adshift.appearance.looks import measured
from adshift.config.build import build
from adshift.config.regime import born_recipe, build_regime
from adshift.data.images import read_image
from adshift.data.layouts.by_name import located
from adshift.data.listing import image_files
from adshift.errors import AdshiftError
from adshift.results.read import read_config, read_fitted, read_result
from adshift.run.fitted import EVALUATED
from adshift.shift.domain import Domain
from adshift.shift.photos import Photos
from adshift.shift.pixels import resize_image

MOST = 200
"""Pictures that are measured."""


def usual_looks(
    run: Path, category: str | None, image_size: int, data_root: str | None, seed: int, group_of: Callable[[str], str]
) -> tuple[tuple[tuple[float, ...], ...], str]:
    """The looks of up to ``MOST`` pictures of the domain that a run's threshold was calibrated in.

    Of a run that was calibrated on photographs those are measured, else the images that the model was fitted and
    calibrated on, as long as they were taken as they are. Of a run of several categories the category's own are.

    Args:
        run: the folder of a finished run, or of an evaluation.
        category: whose threshold decides; None where the run has but one.
        image_size: S, the side that pictures are brought to, as those of the line are.
        data_root: where the images of the fit lie now; None: where they lay.
        seed: of the choice among more.
        group_of: the series of a picture by its path, of which one is measured; empty where it is one by itself.

    Returns:
        A row a picture (``adshift.appearance.looks.measured``), and a line for a person where there is none: why.
    """
    with read_config(run):
        result = read_result(run)
        paths, place = _paths(run, result["config"], data_root)
    if len(result["metrics"]["categories"]) > 1:
        paths = [path for path in paths if category in path.parts]
    rng = random.Random(seed)
    series: dict[str, list[Path]] = {}
    for path in paths:
        series.setdefault(group_of(path.name) or str(path), []).append(path)
    if len(series) < len(paths):
        paths = [rng.choice(of_one) for of_one in series.values()]
    chosen = sorted(rng.sample(paths, min(MOST, len(paths))))
    rows = []
    for path in chosen:
        try:
            rows.append(measured(resize_image(read_image(path), image_size)))
        except AdshiftError:
            continue
    if rows:
        return tuple(rows), ""
    return (), (
        f"no picture that the threshold rests on is to be found ({place}): light, colour, sharpness and the like are "
        "compared with those of the first parts of the line alone; data_root=FOLDER names where they lie now"
    )


def _paths(run: Path, config: dict[str, Any], data_root: str | None) -> tuple[list[Path], str]:
    """The files, and where they were looked for."""
    target = build(config["domain"], "domain")
    if isinstance(target, Photos) and build_regime(config["adaptation"]).name != "none":
        root = Path(target.root)
        return image_files(root) or image_files(root / "train" / "good"), str(root)
    if born_recipe(config, Domain()).calibration != (Domain(),):
        return [], "it was calibrated on images of another domain than they show"
    home = Path(str(config.get(EVALUATED, run)))
    root = located(config["data"]["source"], data_root or str(config["data"]["root"]))
    listed = read_fitted(home) or ()
    return [root / image.path for image in listed if (root / image.path).is_file()], str(root)
