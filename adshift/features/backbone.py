"""A frozen ResNet, one of torchvision's or the project's small one, cut after the last layer that is used."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, Self

import torch
from torch import Tensor, nn

from adshift.errors import AdshiftError
from adshift.features.folding import folded
from adshift.features.resnet import TORCHVISION, resnet
from adshift.features.small import LADDER as SMALL
from adshift.features.small import WEIGHTS
from adshift.features.weights import fetch_imagenet, load_checked, read_weights

LADDERS = {**TORCHVISION, "small": SMALL}
ARCHITECTURES = tuple(LADDERS)
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}
NAMED = ("builtin", "imagenet")
STAGES = ("layer1", "layer2", "layer3", "layer4")


class Backbone(Protocol):
    """What the methods ask of a backbone; implementations are frozen ``nn.Module`` objects in eval mode."""

    architecture: str
    layers: tuple[str, ...]
    channels: tuple[int, ...]
    precision: str

    def state_dict(self) -> dict[str, Any]:
        """Its weights by name."""
        ...

    def settings(self) -> dict[str, Any]:
        """Everything that its features depend on beside the weights, as JSON values."""
        ...

    @property
    def exportable(self) -> Callable[[], nn.Module] | None:
        """Makes a float32 copy that an exporter can trace, images -> layer name -> [B, C, H, W]; None where none is."""
        ...

    def to(self, device: torch.device, /) -> Self:
        """Move it to a device, as every ``nn.Module``."""
        ...

    def __call__(self, images: Tensor) -> dict[str, Tensor]:
        """Layer name -> float32 [B, C, H, W] of normalised images [B, 3, S, S]."""
        ...


class FrozenBackbone(nn.Module):
    """The first stages of a ResNet, in eval mode for good, without gradients.

    Args:
        architecture: one of ``ARCHITECTURES``.
        layers: the stages whose outputs are wanted, shallow to deep, e.g. ("layer2", "layer3").
        weights: ``builtin`` (of ``small`` alone: part of the package), ``imagenet`` (torchvision's, of the others),
            ``random``, or a path to .pth / .safetensors.
        seed: seeds ``random`` weights; has no effect on others.
        precision: what the convolutions are computed in: float32, or bfloat16, which keeps 3 digits and is about twice
            as fast where the hardware has it. The weights that are kept, saved and hashed stay float32.

    Raises:
        AdshiftError: an unknown architecture, layer or precision, or weights that do not belong to the architecture.
    """

    def __init__(
        self,
        architecture: str,
        layers: Sequence[str],
        weights: str = "imagenet",
        seed: int = 0,
        precision: str = "float32",
    ) -> None:
        super().__init__()
        check_precision(precision)
        if architecture not in ARCHITECTURES:
            raise AdshiftError(f"backbone={architecture} is unknown; choose one of: {', '.join(ARCHITECTURES)}")
        ladder = LADDERS[architecture]
        known = STAGES[: len(ladder.widths)]
        if not layers or list(layers) != [stage for stage in known if stage in layers]:
            raise AdshiftError(
                f"method.layers={list(layers)} must name some of {', '.join(known)}, each once, shallow to deep"
            )
        self.architecture = architecture
        self.layers = tuple(layers)
        kept = STAGES[: STAGES.index(layers[-1]) + 1]
        self.body = resnet(ladder, len(kept), seed if weights == "random" else None)
        self._load(weights, kept)
        self.channels = tuple(_channels(self.body[layer]) for layer in layers)
        self.precision = precision
        self.requires_grad_(False)
        self.eval()
        self._ready: list[nn.ModuleDict] = []  # the folded body: in a list, so that it is no part of the state

    def _running(self) -> nn.ModuleDict:
        """The folded body, made when first needed."""
        if not self._ready:
            self._ready.append(folded(self.body, PRECISIONS[self.precision]))
        return self._ready[0]

    def _apply(self, *args: Any, **kwargs: Any) -> FrozenBackbone:
        before = self._places()
        moved: FrozenBackbone = super()._apply(*args, **kwargs)  # type: ignore[no-untyped-call]
        if self._places() != before:  # the weights moved to another device or type
            self._ready.clear()
        return moved

    def _places(self) -> list[tuple[torch.device, torch.dtype, int]]:
        return [(p.device, p.dtype, p.data_ptr()) for p in self.body.parameters()]

    def _load_from_state_dict(self, state_dict: Mapping[str, Any], *args: Any, **kwargs: Any) -> None:
        self._ready.clear()
        super()._load_from_state_dict(state_dict, *args, **kwargs)

    def _load(self, weights: str, kept: tuple[str, ...]) -> None:
        if weights == "random":
            return
        state = _named(self.architecture, weights) if weights in NAMED else read_weights(Path(weights))
        dropped = tuple(f"{name}." for name in (*STAGES[len(kept) :], "fc"))
        load_checked(self.body, state, weights, dropped)

    def settings(self) -> dict[str, Any]:
        """What its features depend on beside the weights, as JSON values."""
        return {"precision": self.precision, "layers": list(self.layers)}

    def exportable(self) -> nn.Module:
        """A copy that an exporter can trace, folded.

        Raises:
            AdshiftError: it computes in another precision than float32.
        """
        return FoldedStages(self)

    def train(self, mode: bool = True) -> FrozenBackbone:
        """Stay in eval mode: Lightning puts its module in train mode, which would move the batch statistics."""
        return super().train(False)

    @torch.no_grad()
    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Features of a batch.

        Args:
            images: float32 [B, 3, H, W], normalised.

        Returns:
            layer name -> float32 [B, C_layer, H / s, W / s]; s = 4, 8, 16, 32 from layer1 to layer4.
        """
        features: dict[str, Tensor] = {}
        x = images.to(PRECISIONS[self.precision]).contiguous(memory_format=torch.channels_last)
        for name, module in self._running().items():
            x = module(x)
            if name in self.layers:
                features[name] = x.float()
        return features


_IS: type[Backbone] = FrozenBackbone  # checked by mypy


class FoldedStages(nn.Module):
    """A backbone's forward in float32 on a folded copy of its stages."""

    def __init__(self, backbone: FrozenBackbone) -> None:
        super().__init__()
        require_float32(backbone.precision)
        self.layers = backbone.layers
        self.body = folded(backbone.body, torch.float32)

    def forward(self, images_B3SS: Tensor) -> dict[str, Tensor]:
        """Layer name -> [B, C, H, W]."""
        found: dict[str, Tensor] = {}
        x = images_B3SS
        for name, module in self.body.items():
            x = module(x)
            if name in self.layers:
                found[name] = x
        return found


def exported_form(backbone: Backbone) -> nn.Module:
    """What an exporter can trace; raises AdshiftError for a backbone that has no such form."""
    if backbone.exportable is None:
        raise AdshiftError(f"backbone {type(backbone).__name__} has no exported form; give it a method exportable()")
    return backbone.exportable()


def check_precision(precision: str) -> None:
    """Raises AdshiftError for a precision that is none of ``PRECISIONS``."""
    if precision not in PRECISIONS:
        raise AdshiftError(f"backbone.precision={precision} must be one of: {', '.join(PRECISIONS)}")


def require_float32(precision: str) -> None:
    """Raises AdshiftError for any other precision: the runtimes of exported files do not share it."""
    if precision != "float32":
        raise AdshiftError(f"backbone.precision={precision} has no exported form; fit with backbone.precision=float32")


def _named(architecture: str, weights: str) -> dict[str, Tensor]:
    """The weights of an architecture that go by a name."""
    own = "builtin" if architecture == "small" else "imagenet"
    if weights != own:
        raise AdshiftError(
            f"backbone.weights={weights} is none of backbone={architecture}'s; use {own}, random, or a path"
        )
    return read_weights(WEIGHTS) if own == "builtin" else fetch_imagenet(architecture)


def _channels(stage: nn.Module) -> int:
    """Output channels of a ResNet stage: those of the last normalisation of its last block."""
    last_block = list(stage.children())[-1]
    return [int(m.num_features) for m in last_block.children() if isinstance(m, nn.BatchNorm2d)][-1]
