"""The words of a command line as Hydra is to read them."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from adshift.launch.own_folder import completed
from adshift.launch.quoting import as_path, quoted

if TYPE_CHECKING:
    from omegaconf import ListConfig

SWEEP_FLAGS = ("-m", "--multirun")
FILE_FLAGS = ("-cd", "-cn", "-cp", "--config-dir", "--config-name", "--config-path")
"""Hydra's flags whose value follows them and may hold an equals sign."""


def arranged(words: Sequence[str], short: Mapping[str, str] | None = None) -> list[str]:
    """The overrides with paths quoted and short forms written out, in front of Hydra's flags: between flags argparse would
    lose them.

    Args:
        words: of the command line, without the program.
        short: short keys and what they stand for.

    >>> arranged(["-m", "run=A=1", "seed=0,1"])
    ["run='A=1'", 'seed=0,1', '-m']
    """
    before = ["", *words]
    is_override = [_is_override(word, last) for word, last in zip(words, before, strict=False)]
    overrides = [word for word, holds in zip(words, is_override, strict=True) if holds]
    flags = [word for word, holds in zip(words, is_override, strict=True) if not holds]
    sweeping = any(word in SWEEP_FLAGS for word in flags) or any(
        word.startswith("sweep=") or word == "hydra.mode=MULTIRUN" for word in overrides
    )
    written = [as_path(_written_out(word, short or {}), sweeping) for word in overrides]
    return [*completed(written), *flags]


def _is_override(word: str, last: str) -> bool:
    return word.startswith("~") or ("=" in word and not word.startswith("-") and last not in FILE_FLAGS)


def _written_out(override: str, short: Mapping[str, str]) -> str:
    key, equals, value = override.partition("=")
    return f"{short.get(key, key)}{equals}{value}"


def unreadable(override: str) -> str:
    """What to do about an override that Hydra cannot read, with the user's own words, ready for a shell."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    key, equals, value = override.partition("=")
    remedy = f"{key}={quoted(value)}"
    try:
        OverridesParser.create().parse_override(remedy)
    except HydraException:
        equals = ""
    if not equals:
        return f"{override} is no override; write KEY=VALUE"
    return (
        f"{override} is no override, its value cannot be read; close what it opens, or, where it is a text, quote it: "
        f"{shlex.quote(remedy)}"
    )


def several(override: str) -> str:
    """What to do about an override with several values where there is no sweep."""
    key, _, value = override.partition("=")
    return (
        f"{override} holds several values; to run each, add --multirun; if they are one list, write "
        f"{shlex.quote(f'{key}=[{value}]')}; if they are one text, {shlex.quote(f'{key}={quoted(value)}')}"
    )


def as_written(overrides: ListConfig) -> list[str]:
    """Overrides as the command line had them: ``${KEY}`` in one is resolved by the job that it is for."""
    from omegaconf import OmegaConf

    found: Any = OmegaConf.to_container(overrides, resolve=False)
    return [str(override) for override in found]
