"""A node of the configuration to an object of the project's own: nothing else is ever imported or called."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from omegaconf import DictConfig, OmegaConf

from adshift.errors import AdshiftError

HOMES: dict[str, str | tuple[str, ...]] = {
    "adaptation": "adshift.adaptation.",
    "backbone": "adshift.features.",
    "domain": tuple(f"adshift.shift.{module}." for module in ("domain", "lighting", "named", "photos")),
    "logger": "adshift.tracking.trackers.",
    "method": "adshift.methods.",
    "split": "adshift.data.splits.",
    "store": "adshift.store.",
    "threshold": "adshift.calibration.",
}
"""Where the classes of each configuration group live."""
MOST = 10**15
"""Numbers of a configuration are no larger in size: beyond it sums overflow."""


def class_name(node: Mapping[str, Any], key: str) -> str:
    """A node's ``_target_``; only names of the project's own classes of that group are accepted, whoever wrote it.

    Raises:
        AdshiftError: it names something else.
    """
    name = node.get("_target_") if isinstance(node, Mapping) else None
    if not isinstance(name, str) or not name.startswith(HOMES[key]) or not name.rpartition(".")[2].isidentifier():
        raise AdshiftError(f"{key}._target_={name} is none of adshift's own classes; choose an option of conf/{key}/")
    return name


def target_of(node: Mapping[str, Any], key: str) -> Any:
    """The class that a node's ``_target_`` names (``class_name``).

    Nothing is imported from outside the package, and nothing is called here.

    Raises:
        AdshiftError: it names something else, or what does not exist.
    """
    name, home = class_name(node, key), HOMES[key]
    module, _, attribute = name.rpartition(".")
    try:
        found = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError, TypeError) as error:
        raise AdshiftError(f"{key}._target_={name} does not exist; choose an option of conf/{key}/") from error
    if not (inspect.isclass(found) and f"{found.__module__}.".startswith(home)):
        raise AdshiftError(f"{key}._target_={name} is no class of adshift; choose an option of conf/{key}/")
    return found


def build(node: Mapping[str, Any], key: str, without: tuple[str, ...] = (), **values: Any) -> Any:
    """Call a node's class with the node's values and ``values``; scalars are checked against its annotations."""
    target = target_of(node, key)
    chosen = {k: v for k, v in node.items() if k != "_target_" and k not in without}
    hints = typing.get_type_hints(target.__init__, localns=_names_of(target))
    for name, value in chosen.items():
        if name not in hints:
            raise AdshiftError(
                f"{key}.{name} is no key of {key}; it takes: {', '.join(k for k in hints if k != 'return')}"
            )
        chosen[name] = checked(f"{key}.{name}", value, hints[name])
    return target(**chosen, **values)


def _names_of(target: type) -> dict[str, Any]:
    """What annotations may name: those of an inherited field are written in another module than the class."""
    modules = (import_module(base.__module__) for base in reversed(target.__mro__))
    return {name: value for module in modules for name, value in vars(module).items()}


def checked(name: str, value: Any, kind: Any) -> Any:
    """``value`` as ``kind`` (int, float, bool or str, or one of them or None; other kinds pass unchecked).

    Raises:
        AdshiftError: it is something else, or no number of at most ``MOST`` in size, which no key has a use for.
    """
    if isinstance(kind, types.UnionType) and type(None) in (kinds := typing.get_args(kind)) and len(kinds) == 2:
        if value is None:
            return None
        kind = next(one for one in kinds if one is not type(None))
    if kind in (int, float) and isinstance(value, int | float) and not abs(value) <= MOST:
        raise AdshiftError(f"{name}={value} must be a number within +-{MOST:.0e}; --help shows the default")
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind in (int, float, bool, str) and type(value) is not kind:
        wanted = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}[kind]
        raise AdshiftError(f"{name}={value} must be {wanted}; --help shows the default")
    return value


def within(name: str, value: int, low: int, high: int, remedy: str) -> None:
    if not low <= value <= high:
        bound = f">= {low}" if value < low else f"<= {high}"
        raise AdshiftError(f"{name}={value} must be {bound}; {remedy}")


def names(name: str, value: Any, example: str) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise AdshiftError(f"{name}={value} must be a list; write {name}={example}")
    return tuple(str(item) for item in value)


def one_of(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise AdshiftError(f"{name}={value} must be one of: {', '.join(choices)}")


def plain(config: DictConfig) -> dict[str, Any]:
    """A resolved configuration as plain containers.

    Raises:
        AdshiftError: a mandatory value is missing.
    """
    missing = sorted(OmegaConf.missing_keys(config))
    if missing:
        raise AdshiftError(f"{missing[0]} has no value; give it on the command line: {missing[0]}=VALUE")
    resolved = OmegaConf.to_container(config, resolve=True)
    assert isinstance(resolved, dict)
    return {str(key): value for key, value in resolved.items()}
