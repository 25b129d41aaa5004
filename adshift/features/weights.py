"""Backbone weights: read from a file or fetched from torchvision, checked against the architecture, hashed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from adshift.errors import AdshiftError

WRAPPERS = ("module.", "_orig_mod.")
"""What torch's ``DataParallel`` and ``compile`` put before every name of the module that they wrap."""


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read a state dict from ``.safetensors`` or from a ``.pth`` / ``.pt`` file of tensors alone.

    Names are those of the module itself where a wrapper of torch's was saved with it.

    Raises:
        AdshiftError: the file is missing, unreadable, or holds anything but a flat mapping of names to tensors.
    """
    if not path.is_file():
        raise AdshiftError(
            f"backbone.weights={path} is no file; give a .safetensors or .pth file, or one of: imagenet, random"
        )
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            state: object = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise AdshiftError(
            f"backbone.weights={path} cannot be read ({load_reason(error)}); give an intact weights file"
        ) from error
    if not isinstance(state, dict) or not all(isinstance(k, str) and isinstance(v, Tensor) for k, v in state.items()):
        raise AdshiftError(
            f"backbone.weights={path} is no flat state dict; save it with torch.save(model.state_dict())"
        )
    return _unwrapped(state)


def _unwrapped(state: dict[str, Tensor]) -> dict[str, Tensor]:
    for wrapper in WRAPPERS:
        if state and all(name.startswith(wrapper) for name in state):
            return _unwrapped({name.removeprefix(wrapper): value for name, value in state.items()})
    return state


def load_reason(error: Exception) -> str:
    """Why a file of tensors could not be loaded, in one line; torch's own text would advise to load it unsafely."""
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    return "it is cut short, no torch file, or holds more than tensors" if "eights only load failed" in text else text


def fetch_imagenet(architecture: str) -> dict[str, Tensor]:
    """torchvision's ImageNet weights, version 1 (those of the study and of the published tables), downloaded once.

    The file name carries the first digits of its SHA-256, against which the download is checked.

    Raises:
        AdshiftError: there is no network and the file is not in the cache.
    """
    from torchvision.models import get_model_weights

    from adshift.system.download import download, one_at_a_time, sha256_prefix_of

    url = str(get_model_weights(architecture)["IMAGENET1K_V1"].url)
    path = Path(torch.hub.get_dir()) / "checkpoints" / url.rsplit("/", 1)[-1]
    if not path.is_file():
        with one_at_a_time(path.parent):
            if not path.is_file():
                download(
                    url,
                    path,
                    sha256=sha256_prefix_of(path.name),
                    remedy=f"fetch {url} elsewhere and put it at {path}, or give backbone.weights=PATH, or take "
                    "backbone=small, whose weights came with the program",
                )
    return read_weights(path)


def load_checked(module: nn.Module, state: Mapping[str, Tensor], source: str, ignored: tuple[str, ...]) -> None:
    """Load a state dict strictly.

    Args:
        module: the truncated backbone.
        state: name -> tensor.
        source: what error messages call it.
        ignored: prefixes that the file may hold beyond what the truncated backbone has (its dropped layers).

    Raises:
        AdshiftError: a tensor is missing, unknown or has another shape or a non-finite value; names the first one.
    """
    own = module.state_dict()
    remedy = "give the weights of the named backbone, or name the backbone that the file belongs to"
    missing = [key for key in own if key not in state and not key.endswith("num_batches_tracked")]
    unknown = [key for key in state if key not in own and not key.startswith(ignored)]
    for problem, keys in (("lacks", missing), ("has the unknown", unknown)):
        if keys:
            more = f" and {len(keys) - 1} more" if len(keys) > 1 else ""
            raise AdshiftError(f"backbone.weights={source} {problem} {keys[0]}{more}; {remedy}")
    for key, value in own.items():
        if key in state and state[key].shape != value.shape:
            raise AdshiftError(
                f"backbone.weights={source}: {key} has shape {tuple(state[key].shape)}, the backbone needs "
                f"{tuple(value.shape)}; {remedy}"
            )
        if key in state and not torch.isfinite(state[key]).all():
            raise AdshiftError(f"backbone.weights={source}: {key} holds a NaN or infinite value; give an intact file")
    module.load_state_dict({key: state.get(key, value) for key, value in own.items()})


class Stateful(Protocol):
    """Whatever has a state dict."""

    def state_dict(self) -> dict[str, Any]:
        """Name -> tensor."""
        ...


def weights_sha256(module: Stateful) -> str:
    """SHA-256 over the names and bytes of a module's floating-point tensors, sorted by name: its identity."""
    digest = hashlib.sha256()
    for key, value in sorted(module.state_dict().items()):
        if value.is_floating_point():
            digest.update(key.encode())
            digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
