"""An ``adaptation`` node to its regime, and to the recipe of the run that it made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adshift.adaptation.recipe import Recipe, unadapted
from adshift.adaptation.regime import Regime
from adshift.config.build import build, checked
from adshift.errors import AdshiftError
from adshift.shift.domain import Domain
from adshift.shift.named import Named


def build_regime(node: Mapping[str, Any]) -> Regime:
    """The regime of an ``adaptation`` node; where it has ``parts``, each of them is a node.

    Raises:
        AdshiftError: as in ``build``.
    """
    if not isinstance(node, Mapping) or "parts" not in node:
        regime: Regime = build(node, "adaptation")
        return regime
    if not isinstance(node["parts"], list):
        raise AdshiftError(f"adaptation.parts={node['parts']} must be a list; choose an option of conf/adaptation/")
    parts = tuple(build(part, "adaptation") for part in node["parts"])
    combined: Regime = build(node, "adaptation", without=("parts",), parts=parts)
    return combined


def source_domain_of(data: Mapping[str, Any]) -> str:
    """``data.domain``: the real domain that models are fitted in; empty where the data set tells none, or but one."""
    return str(checked("data.domain", data.get("domain", ""), str))


def build_target(config: Mapping[str, Any], source: Domain) -> Domain:
    """The target: ``source`` itself where the configuration names the very domain that models are fitted in.

    Raises:
        AdshiftError: as in ``build``.
    """
    target: Domain = build(config["domain"], "domain")
    at_home = isinstance(target, Named) and target.chosen == source_domain_of(config["data"])
    return source if at_home else target


def born_recipe(config: Mapping[str, Any], source: Domain) -> Recipe:
    """The recipe that a finished run was made by, from its configuration."""
    return build_regime(config["adaptation"]).applied(unadapted((source,), build_target(config, source)))
