"""Folders and files of any name on the command line: their keys are put in Hydra's quotes before it reads them."""

from __future__ import annotations

import os
import re

PATHS = frozenset(
    {
        "backbone.weights", "category", "data.category", "data.groups", "data.root", "data_root", "domain.root", "groups",
        "hydra.run.dir", "hydra.sweep.dir", "hydra.sweep.subdir", "logger.store", "run", "source", "store.root",
        "study.dir",
    }
)  # fmt: skip
"""Keys whose value is the name of a file or a folder, or a regular expression of such, and so may be anything."""


def quoted(text: str) -> str:
    """A value in single quotes as Hydra's grammar reads them."""
    doubled = re.sub(r"(\\+)(?='|$)", r"\1\1", text)
    return "'" + doubled.replace("'", "\\'") + "'"


def as_path(override: str, sweeping: bool) -> str:
    """An override whose key names a path, so that Hydra reads the very name; another one as it is.

    What is written in Hydra's own way stays: quotes, escapes, ``null``, and in a sweep several values; unless there is a
    file or a folder of just that name.

    >>> as_path("run=runs/A=1", sweeping=False)
    "run='runs/A=1'"
    >>> as_path("run=runs/a,runs/b", sweeping=True)
    'run=runs/a,runs/b'
    """
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    key, _, value = override.partition("=")
    if key.lstrip("+") not in PATHS or not value:
        return override
    in_quotes = f"{key}={quoted(value)}"
    try:
        parsed = OverridesParser.create().parse_override(override)
        several = parsed.is_sweep_override()
        read = None if several else parsed.value()
    except HydraException:
        return in_quotes
    if read == value:
        return override
    meant = sweeping if several else read is None or isinstance(read, str)
    return override if meant and not os.path.lexists(value) else in_quotes
