"""An ``adaptation`` node to its regime, and to the recipe of the run that it made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adshift.adaptation.recipe import Recipe, unadapted
from adshift.adaptation.regime import Regime
from adshift.config.build import build
from adshift.errors import AdshiftError
from adshift.shift.domain import Domain


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


def born_recipe(config: Mapping[str, Any], source: Domain) -> Recipe:
    """The recipe that a finished run was made by, from its configuration."""
    return build_regime(config["adaptation"]).applied(unadapted((source,), build(config["domain"], "domain")))
