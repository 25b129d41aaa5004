"""The short form for people with their own images: ``data=folder data.root=PHOTOS``, without ``data.category``.

``data.root`` is then the folder of images itself. The short form is written out before Hydra reads it, so that the
configuration, the result and a resumed run know the long form alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from adshift.data.own import FOLDS, keeps_validation
from adshift.launch.quoting import quoted

ROOT, CATEGORY = "data.root", "data.category"
THRESHOLD = "threshold=conformal"
SPLIT = "split=official"
CROSSFIT = f"crossfit={FOLDS}"
"""Every good image trains, and the threshold rests on scores by models that had not seen the image: what a few dozen good
images alone can serve. Good images in ``validation/good`` calibrate instead."""


def completed(arguments: Sequence[str]) -> list[str]:
    """The overrides with the short form written out; others as they are.

    ``data.root=PHOTOS`` becomes ``data.root=PARENT data.category=NAME``. Where no threshold is chosen it is conformal;
    where neither a split nor ``crossfit`` is, all good images train and the threshold is cross-fitted, or rests on those of
    ``validation/good`` where there are any.

    >>> completed(["data=folder", "data.root=pictures/bolts", "seed=1"])[-3:]
    ['split=official', 'crossfit=5', 'threshold=conformal']
    >>> completed(["data=folder", "data.root=pictures/bolts", "split=study", "threshold=sigma"])[1:3]
    ["data.root='pictures'", "data.category='bolts'"]
    >>> completed(["data=carpet"])
    ['data=carpet']
    """
    keys = [argument.partition("=")[0] for argument in arguments]
    if "data=folder" not in arguments or CATEGORY in keys or keys.count(ROOT) != 1:
        return list(arguments)
    place = keys.index(ROOT)
    folder = _path(arguments[place])
    if folder is None:
        return list(arguments)
    written = [*arguments[:place], f"{ROOT}={quoted(str(folder.parent))}", f"{CATEGORY}={quoted(folder.name)}"]
    written += arguments[place + 1 :]
    if not {"split", "crossfit"} & set(keys):
        written += [SPLIT] if keeps_validation(folder) else [SPLIT, CROSSFIT]
    return written if "threshold" in keys else [*written, THRESHOLD]


def _path(override: str) -> Path | None:
    """The folder that an override names; None where its value is none, so that Hydra tells what is wrong with it."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    try:
        value = OverridesParser.create().parse_override(override).value()
    except HydraException:
        return None
    if not isinstance(value, str | int | float) or value == "":
        return None
    path = Path(str(value))
    return path.resolve() if path.name in ("", "..") else path
