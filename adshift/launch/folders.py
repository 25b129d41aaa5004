"""Every run and every sweep has a folder of its own: no other's, and not that of the run that it reads."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf
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
            refuse_shared(config)
            _claim(config.hydra.sweep)


def refuse_the_run_itself(config: DictConfig, folder: Path) -> None:
    """Refuse an output folder that is the run which is read, or the one whose model that evaluates: its files would go.

    Raises:
        AdshiftError: it is.
    """
    run = OmegaConf.select(config, "run")
    for read in () if not isinstance(run, str) else (run, _evaluated(Path(run))):
        if read and folder.is_dir() and os.path.isdir(read) and os.path.samefile(folder, read):
            raise AdshiftError(
                f"the output folder {folder} is that of run={read} itself, whose files would be replaced; name another "
                "one, hydra.run.dir=FOLDER, or leave it out"
            )


def _evaluated(run: Path) -> str:
    """The run whose model an evaluation took; empty for any other folder."""
    found = (config_of(run) or {}).get("run")
    return found if isinstance(found, str) else ""


def refuse_shared(config: DictConfig) -> None:
    """Refuse a sweep in which two cells that differ in one key would share a folder, the later in the earlier's place.

    Raises:
        AdshiftError: names the key.
    """
    named = str(OmegaConf.to_container(config.hydra.sweep, resolve=False)["subdir"])  # type: ignore[call-overload,index]
    if NUMBERED in named:
        return
    axes = _axes(config)
    first = {key: values[0] for key, values in axes.items()}
    for key, values in axes.items():
        met: dict[str, str] = {}
        for value in dict.fromkeys(values) if len(values) > 1 else ():
            folder = _subfolder(config, [f"{k}={v}" for k, v in (first | {key: value}).items()])
            if folder in met:
                group = GlobalHydra.instance().config_loader().get_group_options(key)
                sign = f"${{hydra:runtime.choices.{key}}}" if group else f"${{{key}}}"
                raise AdshiftError(
                    f"{key}={met[folder]} and {key}={value} would share the folder {folder} of this sweep, the later "
                    f"result in the place of the earlier; name it: 'hydra.sweep.subdir={named}_{sign}'"
                )
            met[folder] = value


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


def _subfolder(config: DictConfig, job: list[str]) -> str:
    cell = GlobalHydra.instance().config_loader().load_sweep_config(config, job)
    with _resolving(cell):
        return str(cell.hydra.sweep.subdir)


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
