"""Every run and every sweep has a folder of its own: no other's, and not that of the run that it reads."""

from __future__ import annotations

import copy
import itertools
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from adshift.errors import AdshiftError
from adshift.launch.arguments import as_written
from adshift.launch.cli import ends_in_one_line
from adshift.results.plain_json import config_of

MICROSECONDS = "%f"
"""In ``hydra.run.dir`` or ``hydra.sweep.dir``: the folder is named by the instant, and meant to be nobody else's."""
NUMBERED = "job.num"
"""In ``hydra.sweep.subdir``: no two cells of a sweep share a folder."""


class OwnFolders(Callback):
    """Refuses, before anything is written, an output folder that is another's; with one line and status 2.

    What Hydra itself cannot make of the configuration it tells a moment later.
    """

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        """The folder of a single run."""
        with ends_in_one_line(), _unless_hydra_tells(), _resolving(config):
            refuse_the_run_itself(config, Path(config.hydra.run.dir))
            _claim(config.hydra.run)

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """The folders of a sweep's cells, and its own."""
        with ends_in_one_line(), _unless_hydra_tells(), _resolving(config):
            refuse_taken(config)
            _claim(config.hydra.sweep)


def refuse_the_run_itself(config: DictConfig, folder: Path) -> None:
    """Refuse an output folder that is the run which is read, or the one whose model that evaluates: its files would go.

    Raises:
        AdshiftError: it is.
    """
    run = OmegaConf.select(config, "run")
    if isinstance(run, str):
        _refuse_run(run, folder)


def _refuse_run(run: str, folder: Path) -> None:
    for read in (run, _evaluated(Path(run))):
        if read and folder.is_dir() and os.path.isdir(read) and os.path.samefile(folder, read):
            raise AdshiftError(
                f"the output folder {folder} is that of run={read} itself, whose files would be replaced; name another "
                "one, hydra.run.dir=FOLDER (hydra.sweep.dir=FOLDER for a sweep), or leave it out"
            )


def _evaluated(run: Path) -> str:
    """The run whose model an evaluation took; empty for any other folder."""
    found = (config_of(run) or {}).get("run")
    return found if isinstance(found, str) else ""


def refuse_taken(config: DictConfig) -> None:
    """Refuse a sweep in which a cell would go into the folder of another one, or of a run that the sweep reads.

    Raises:
        AdshiftError: names the folder, and for two cells the key that sets them apart.
    """
    axes = _axes(config)
    run = OmegaConf.select(config, "run")
    runs = [_unquoted(value) for value in axes["run"]] if "run" in axes else [run] if isinstance(run, str) else []
    if not runs and NUMBERED in _template(config):
        return
    met: dict[str, dict[str, str]] = {}
    for job, subfolder in _subfolders(config, axes):
        earlier = met.setdefault(subfolder, job)
        if earlier != job and len({_folder_of(config, each) for each in (earlier, job)}) == 1:
            raise AdshiftError(_shared(config, earlier, job, subfolder))
        for read in runs:
            _refuse_run(read, Path(config.hydra.sweep.dir) / subfolder)


def _shared(config: DictConfig, earlier: dict[str, str], later: dict[str, str], subfolder: str) -> str:
    key = next(key for key in earlier if earlier[key] != later[key])
    group = GlobalHydra.instance().config_loader().get_group_options(key)
    sign = f"${{hydra:runtime.choices.{key}}}" if group else f"${{{key}}}"
    apart = [name for name in earlier if earlier[name] != later[name]]
    first, second = (" ".join(f"{name}={job[name]}" for name in apart) for job in (earlier, later))
    return (
        f"{first} and {second} would share the folder {subfolder} of this sweep, the later result in the place of the "
        f"earlier; name it: 'hydra.sweep.subdir={_template(config)}_{sign}'"
    )


def _template(config: DictConfig) -> str:
    """The name of a cell's folder as it is written, with its ``${...}``."""
    return str(OmegaConf.to_container(config.hydra.sweep, resolve=False)["subdir"])  # type: ignore[call-overload,index]


def _subfolders(config: DictConfig, axes: dict[str, list[str]]) -> Iterator[tuple[dict[str, str], str]]:
    """Every cell, in the order in which Hydra numbers them, and the name of its folder.

    A configuration is composed for each value of a key, not for each cell, as that takes a tenth of a second: a part of
    the name that changes with one key alone is taken to have the same value whatever the others are. One that changes with
    several is composed for all of their values.
    """
    parts = re.findall(r"\$\{[^{}]*\}|[^$]+|\$", _template(config))
    first = {key: values[0] for key, values in axes.items()}

    @cache
    def parts_of(*changed: tuple[str, str]) -> list[str]:
        return _resolved(config, first | dict(changed), parts)

    plain = parts_of()
    moving: list[list[str]] = [[] for _ in parts]
    for key, values in axes.items():
        for place, part in enumerate(plain):
            if any(parts_of((key, value))[place] != part for value in values[1:]):
                moving[place].append(key)
    for number, chosen in enumerate(itertools.product(*axes.values())):
        job = dict(zip(axes, chosen, strict=True))
        changes = [tuple((key, job[key]) for key in keys if job[key] != first[key]) for keys in moving]
        values = [parts_of(*changed)[place] for place, changed in enumerate(changes)]
        yield job, "".join(str(number) if NUMBERED in part else v for part, v in zip(parts, values, strict=True))


def _axes(config: DictConfig) -> dict[str, list[str]]:
    """The values of every key that a sweep's jobs are given, as Hydra's own sweeper takes them."""
    params: Any = (
        OmegaConf.to_container(config.hydra.sweeper.params, resolve=True) if config.hydra.sweeper.params else {}
    )
    given = [f"{key}={value}" for key, value in params.items()] + as_written(config.hydra.overrides.task)
    found: dict[str, list[str]] = {}
    for override in OverridesParser.create(GlobalHydra.instance().config_loader()).parse_overrides(given):
        swept = override.is_sweep_override() and override.is_discrete_sweep()
        values = override.sweep_string_iterator() if swept else iter([override.get_value_element_as_str()])
        found[override.get_key_element()] = list(values)
    return found


def _unquoted(value: str) -> str:
    """A value as Hydra's own grammar reads it."""
    return str(OverridesParser.create().parse_override(f"run={value}").value())


def _folder_of(config: DictConfig, job: dict[str, str]) -> str:
    """The name of one cell's folder, of its own configuration."""
    return _resolved(config, job, [_template(config)])[0]


def _resolved(config: DictConfig, job: dict[str, str], parts: list[str]) -> list[str]:
    """The parts of a folder's name under a cell's overrides; its number is told apart."""
    words = [f"{key}={value}" for key, value in job.items()]
    cell = GlobalHydra.instance().config_loader().load_sweep_config(config, words)
    with _resolving(cell), open_dict(cell):
        found = []
        for part in parts:
            cell.hydra.sweep.subdir = "" if NUMBERED in part else part
            found.append(str(cell.hydra.sweep.subdir))
        return found


@contextmanager
def _resolving(config: DictConfig) -> Iterator[None]:
    """``${hydra:...}`` in this configuration has its values, though no job has begun."""
    held = HydraConfig.instance()
    before = held.cfg
    held.set_config(copy.deepcopy(config))  # it makes what it is given read-only
    try:
        yield
    finally:
        held.cfg = before


@contextmanager
def _unless_hydra_tells() -> Iterator[None]:
    try:
        yield
    except (HydraException, OmegaConfBaseException):
        return


def _claim(place: DictConfig) -> None:
    """Make a folder that is named by the instant; raises AdshiftError where another program has made it."""
    if MICROSECONDS not in str(OmegaConf.to_container(place, resolve=False)["dir"]):  # type: ignore[call-overload,index]
        return
    folder = Path(place.dir)
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        raise AdshiftError(
            f"the output folder {folder} is another program's, which was started in the same instant; start this one again"
        ) from None
    except OSError:
        return  # whoever writes there tells it
