"""A frozen ResNet made ready to run: batch normalisation folded into the convolutions, in the wanted precision."""

from __future__ import annotations

import copy
from itertools import pairwise

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def folded(body: nn.ModuleDict, dtype: torch.dtype) -> nn.ModuleDict:
    """A copy of a truncated torchvision ResNet in eval mode without its normalisations; ``body`` stays as it is.

    In exact arithmetic a normalisation with fixed statistics is part of the convolution before it. In float32 the outputs
    move by about 1e-6 of their size.
    """
    copied = copy.deepcopy(body)
    for module in list(copied.modules()):
        _fold_children(module)
    prepared: nn.ModuleDict = copied.to(dtype=dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return prepared


def _fold_children(module: nn.Module) -> None:
    """Fold every normalisation into the convolution that comes before it among a module's children."""
    for (name, conv), (after, norm) in pairwise(list(module.named_children())):
        if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            module._modules[name] = fuse_conv_bn_eval(conv, norm)
            module._modules[after] = nn.Identity()
