"""The method on its backbone, from the configuration: checked at once, built when it is needed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adshift.config.build import build, checked, class_name, names, within
from adshift.methods.coreset.ratio import check_coreset_ratio

if TYPE_CHECKING:  # it needs torch, which no program has imported when it reads its configuration
    from adshift.methods.method import Method

RATIO = "coreset_ratio"


@dataclass(frozen=True)
class ModelPlan:
    """A method and its backbone.

    Attributes:
        method, backbone: their nodes of the configuration.
        layers: of the backbone that the method is given.
        seed: of random weights, and of the method's draws.
        image_size: side of the square input in pixels.
    """

    method: Mapping[str, Any]
    backbone: Mapping[str, Any]
    layers: tuple[str, ...]
    seed: int
    image_size: int

    @property
    def name(self) -> str:
        """What tables call the method."""
        return str(self.method["name"])

    @property
    def weights(self) -> str:
        """What the backbone's weights were asked for by."""
        return str(self.backbone["weights"])

    @property
    def settings(self) -> dict[str, Any]:
        """The method's node, by which the store knows its fits and scores apart."""
        return dict(self.method)

    def built(self, weights: str | None = None) -> Method:
        """The method, unfitted.

        Args:
            weights: replaces those of the configuration; "random" where a checkpoint will be loaded over them anyway.

        Raises:
            AdshiftError: a value out of bounds, or weights that cannot be had or do not fit.
        """
        node = {**self.backbone, "weights": self.weights if weights is None else weights}
        sized = {"image_size": self.image_size} if "layers" in node else {}
        backbone = build(node, "backbone", without=("layers",), layers=self.layers, seed=self.seed, **sized)
        method: Method = build(self.method, "method", without=("name", "layers"), backbone=backbone)
        return method


def model_plan(config: Mapping[str, Any]) -> ModelPlan:
    """Read method, backbone, seed and input size from a resolved configuration; nothing is built.

    Raises:
        AdshiftError: a value is out of its bounds.
    """
    method, backbone = config["method"], config["backbone"]
    for node, home in ((method, "method"), (backbone, "backbone")):
        class_name(node, home)  # importing it would bring torch, for which nothing here has to wait
    checked("backbone.weights", backbone["weights"], str)
    if RATIO in method:  # the first thing people get wrong; say so before any weights are read
        check_coreset_ratio(checked(RATIO, method[RATIO], float))
    own = "layers" in backbone  # only a backbone whose layers have other names has layers of its own
    group, node = ("backbone", backbone) if own else ("method", method)
    plan = ModelPlan(
        method,
        backbone,
        names(f"{group}.layers", node["layers"], "[layer2,layer3]"),
        checked("seed", config["seed"], int),
        checked("image_size", config["image_size"], int),
    )
    within("image_size", plan.image_size, 32, 4096, "the backbone halves it four times; the study's is 224")
    return plan
