"""Models of timm by name, and their weights: from a file, from timm's own, or random."""

from __future__ import annotations

import logging
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import torch

from adshift.errors import AdshiftError
from adshift.features.weights import load_checked, load_reason, read_weights


def make_model(name: str, image_size: int, seed: int) -> tuple[Any, dict[str, Any]]:
    """A model of timm with random weights, without classifier, for square images of one size, and the options it took.

    Raises:
        AdshiftError: timm has no such model, or it cannot take such images.
    """
    import timm

    base = name.partition(".")[0]
    if not timm.is_model(base):  # this also keeps out names that would make timm read a folder or ask a hub
        close = get_close_matches(base, timm.list_models(), n=3)
        raise AdshiftError(
            f"backbone.name={name} is no model of timm {timm.__version__}; "
            + (f"did you mean {', '.join(close)}?" if close else "timm.list_models() lists them")
        )
    options: tuple[dict[str, Any], ...] = ({"dynamic_img_size": True}, {"img_size": image_size}, {})
    for extra in options:
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            try:
                model = timm.create_model(name, pretrained=False, num_classes=0, **extra)
            except TypeError:  # it does not know the option: not a transformer, or of one size
                continue
            except (RuntimeError, ValueError, AssertionError) as error:
                reason = load_reason(error)
                raise AdshiftError(
                    f"backbone.name={name} cannot be made ({reason}); check its tag and image_size"
                ) from error
        _check_patches(model, name, image_size)
        return model, extra
    raise AssertionError(f"{name} cannot be made without options")


def _check_patches(model: Any, name: str, image_size: int) -> None:
    patch = getattr(getattr(model, "patch_embed", None), "patch_size", None)
    side = int(patch[0]) if patch else 1
    if image_size % side:
        below = image_size - image_size % side
        near = f"{below} or {below + side}" if below else str(side)
        raise AdshiftError(f"image_size={image_size} must be a multiple of {side}, the patch of {name}; use {near}")


def load_timm_weights(model: Any, name: str, weights: str, options: dict[str, Any]) -> None:
    """Put weights into a model that was made with some options, strictly.

    Raises:
        AdshiftError: they cannot be had, or do not belong to it.
    """
    if weights == "random":
        return
    state = _fetched(name, options) if weights in ("pretrained", "imagenet") else read_weights(Path(weights))
    classifier = model.pretrained_cfg.get("classifier") or ()
    heads = (classifier,) if isinstance(classifier, str) else tuple(classifier)
    load_checked(model, state, weights, tuple(f"{head}." for head in heads) or ("head.",))


def _fetched(name: str, options: dict[str, Any]) -> dict[str, torch.Tensor]:
    """timm's own weights, from its cache or the network."""
    import timm

    hub = logging.getLogger("huggingface_hub")  # it warns of every failed attempt; the error below says it once
    level = hub.level
    hub.setLevel(logging.CRITICAL)
    try:
        whole = timm.create_model(name, pretrained=True, num_classes=0, **options)
    except Exception as error:  # the hub's client raises whatever its transports raise
        reason = load_reason(error).rstrip(".")
        raise AdshiftError(
            f"backbone.weights=pretrained: timm's weights of {name} cannot be had ({reason}); fetch them where there is "
            "a network and give backbone.weights=PATH, or use random"
        ) from error
    finally:
        hub.setLevel(level)
    return dict(whole.state_dict())
