"""The short form for a data set's own domains: ``domain=poly`` is ``domain=named domain.name=poly``.

It is written out before Hydra reads it, so that the configuration, the result and a resumed run know the long form alone.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

GROUP = "domain"
DEFAULT_DATA = "synthetic"
ELSEWHERE = ("run", "data.source", "data.domain")
"""Keys that say by themselves that the data set may tell domains: a finished run's, or one that is named otherwise."""


def named(arguments: Sequence[str], conf: Path) -> list[str]:
    """The overrides with the short form written out; others as they are.

    That is done where the data set tells domains and ``conf/domain`` has no option of that name. A sweep over options and
    a data set's own domains together is left to Hydra, which refuses it; one over a data set's own is one over their names.

    Args:
        arguments: the command line.
        conf: the folder of the configuration; without it nothing is written out.
    """
    options = {path.stem for path in (conf / GROUP).glob("*.yaml")}
    if not options or not _tells_domains(arguments, conf):
        return list(arguments)
    written = []
    for argument in arguments:
        key, _, value = argument.partition("=")
        own = key == GROUP and not _values(argument) & {*options, ""}
        written += [f"{GROUP}=named", f"{GROUP}.name={value}"] if own else [argument]
    return written


def _tells_domains(arguments: Sequence[str], conf: Path) -> bool:
    """Whether the options of ``data`` that are asked for have a key for the domain that a model is fitted in."""
    keys = [argument.partition("=")[0] for argument in arguments]
    asked = [_values(argument) for argument in arguments if argument.startswith("data=")] or [{DEFAULT_DATA}]
    files = [conf / "data" / f"{name}.yaml" for names in asked for name in names if re.fullmatch(r"\w+", name)]
    return any(key in keys for key in ELSEWHERE) or any(
        re.search(r"^domain:", file.read_text(encoding="utf-8"), re.MULTILINE) for file in files if file.is_file()
    )


def _values(override: str) -> set[str]:
    """The values of an override, several in a sweep; an empty one where Hydra is to tell what is wrong with it."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    try:
        parsed = OverridesParser.create().parse_override(override)
        found = list(parsed.sweep_string_iterator()) if parsed.is_choice_sweep() else [parsed.value()]
    except HydraException:
        return {""}
    return {str(value) if isinstance(value, str | int | float) else "" for value in found}


def conf_of(main: Callable[[], Any]) -> Path:
    """The folder of the configuration: it lies beside the script of a Hydra main."""
    return Path(inspect.getfile(inspect.unwrap(main))).resolve().parent / "conf"
