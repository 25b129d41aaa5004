"""A frozen model of timm: the outputs of some of its stages or blocks as grids of patches."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from adshift.data.images import IMAGENET_MEAN, IMAGENET_STD
from adshift.errors import AdshiftError
from adshift.features.backbone import PRECISIONS, Backbone, check_precision, require_float32
from adshift.features.timm_weights import load_timm_weights, make_model


class TimmBackbone(nn.Module):
    """Convolutional networks and vision transformers by their name in timm, in eval mode for good, without gradients.

    A layer is the number of an output of ``forward_intermediates``, or its module's name: of a ResNet 0 is the stem and
    "layer2" is 2; of a ViT 5 is "blocks.5", its patch tokens as a grid, without class and register tokens.

    Args:
        name: timm's, with or without a tag, e.g. "vit_small_patch14_dinov2.lvd142m".
        layers: which outputs, shallow to deep.
        weights: ``pretrained`` or ``imagenet`` (timm's own of that name, downloaded once), ``random``, or a path to a
            .pth / .safetensors file of the whole model under timm's names; its classifier may be there.
        image_size: side of the input in pixels; position embeddings are interpolated to it, where the model has them.
        seed: seeds ``random`` weights.
        precision: float32, or bfloat16 for the matrix products and convolutions.

    Attributes:
        architecture: ``name``.
        layers: the layers as names.
        channels: of each layer.

    Raises:
        AdshiftError: an unknown name, layer or precision, a size that the model cannot take, or weights that do not
            belong to it or cannot be had.
    """

    factor_3: Tensor
    offset_3: Tensor

    def __init__(
        self,
        name: str,
        layers: Sequence[str],
        weights: str = "pretrained",
        image_size: int = 224,
        seed: int = 0,
        precision: str = "float32",
    ) -> None:
        super().__init__()
        check_precision(precision)
        self.architecture, self.precision = name, precision
        self.body, options = make_model(name, image_size, seed)
        outputs = _outputs(name, self.body)
        self._indices = _indices(name, layers, outputs)
        self.layers = tuple(outputs[i] for i in self._indices)
        load_timm_weights(self.body, name, weights, options)
        config = self.body.pretrained_cfg
        self.mean, self.std = tuple(config["mean"]), tuple(config["std"])
        self.body.prune_intermediate_layers(self._indices, prune_norm=True, prune_head=True)
        own_std, std = torch.tensor(self.std), torch.tensor(IMAGENET_STD)
        offset = (torch.tensor(IMAGENET_MEAN) - torch.tensor(self.mean)) / own_std
        self.register_buffer("factor_3", std / own_std, persistent=False)
        self.register_buffer("offset_3", offset, persistent=False)
        self.requires_grad_(False)
        self.eval()
        self.channels = self._probed(image_size)

    def _probed(self, image_size: int) -> tuple[int, ...]:
        """Channels of the layers, seen on a black image of the size that will come."""
        try:
            found = self(torch.zeros(1, 3, image_size, image_size))
        except (AssertionError, RuntimeError, ValueError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise AdshiftError(
                f"image_size={image_size} does not fit backbone.name={self.architecture} ({reason}); "
                + _size_advice(self.body)
            ) from error
        return tuple(grid.shape[1] for grid in found.values())

    def settings(self) -> dict[str, Any]:
        """What its features depend on beside the weights and the layers, as JSON values."""
        own = {"architecture": self.architecture, "mean": list(self.mean), "std": list(self.std)}
        return {"precision": self.precision, "layers": list(self.layers), **own}

    def exportable(self) -> nn.Module:
        """A copy that an exporter can trace."""
        return TracedGrids(copy.deepcopy(self))

    def train(self, mode: bool = True) -> TimmBackbone:
        """Stay in eval mode."""
        return super().train(False)

    def grids(self, images_B3SS: Tensor) -> dict[str, Tensor]:
        """As ``forward``, traceable."""
        own = images_B3SS * self.factor_3.view(3, 1, 1) + self.offset_3.view(3, 1, 1)
        found = self.body.forward_intermediates(
            own, indices=self._indices, stop_early=True, output_fmt="NCHW", intermediates_only=True
        )
        return {name: grid.float() for name, grid in zip(self.layers, found, strict=True)}

    @torch.no_grad()
    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Features of a batch.

        Args:
            images: float32 [B, 3, S, S], normalised by the ImageNet statistics, as everywhere in this program; the model
                gets them by its own.

        Returns:
            layer name -> float32 [B, C_layer, H_layer, W_layer].
        """
        half = self.precision != "float32"
        with torch.autocast(images.device.type, PRECISIONS[self.precision], enabled=half):
            return self.grids(images)


_IS: type[Backbone] = TimmBackbone  # checked by mypy


class TracedGrids(nn.Module):
    """A ``TimmBackbone`` without the switches of its forward.

    Raises:
        AdshiftError: it computes in another precision than float32.
    """

    def __init__(self, backbone: TimmBackbone) -> None:
        super().__init__()
        require_float32(backbone.precision)
        self.backbone, self.layers = backbone, backbone.layers

    def forward(self, images_B3SS: Tensor) -> dict[str, Tensor]:
        """Layer name -> [B, C, H, W]."""
        return self.backbone.grids(images_B3SS)


def _outputs(name: str, model: Any) -> list[str]:
    """Module names of what ``forward_intermediates`` can give, in its order."""
    if not hasattr(model, "forward_intermediates") or not hasattr(model, "prune_intermediate_layers"):
        raise AdshiftError(
            f"backbone.name={name} gives no intermediate features in timm; use another, such as resnet18 or "
            "vit_small_patch16_224"
        )
    return [str(info["module"]) for info in model.feature_info]


def _indices(name: str, layers: Sequence[str], outputs: Sequence[str]) -> list[int]:
    """Places of the wanted layers among the outputs."""
    found = [int(layer) if layer.isdecimal() else outputs.index(layer) if layer in outputs else -1 for layer in layers]
    if not found or found != sorted(set(found)) or found[0] < 0 or found[-1] >= len(outputs):
        raise AdshiftError(
            f"backbone.layers={list(layers)} must name some of {name}'s outputs, each once, shallow to deep: 0 to "
            f"{len(outputs) - 1}, which are {', '.join(outputs)}"
        )
    return found


def _size_advice(model: Any) -> str:
    """Which sizes would do."""
    config = model.pretrained_cfg
    patch = getattr(getattr(model, "patch_embed", None), "patch_size", None)
    side = int(config["input_size"][-1])
    return f"use image_size={side}" + (f" or another multiple of {patch[0]}" if patch else " or larger")
